"""The report of a run: one HTML file that works offline and on a projector, with or without colour."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from labs import plots
from labs.engine import keep
from labs.engine.bench import Phase
from labs.engine.folder import RunFolder
from labs.engine.series import series
from labs.lab import Lab, Seen

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def paragraphs(text: str) -> Markup:
    """Prose as HTML: an empty line ends a paragraph, backquotes are code."""
    parts = [str(escape(part.replace("\n", " "))) for part in text.strip().split("\n\n")]
    return Markup("\n".join("<p>" + re.sub("`(.+?)`", r"<code>\1</code>", part) + "</p>" for part in parts))


TEMPLATES.filters["paragraphs"] = paragraphs


@dataclass(frozen=True, kw_only=True)
class Told:
    """The lab's words with this run's numbers in them; only there when the run measured something."""

    explanation: str
    short: str
    long: str


def write_report(lab: Lab, folder: RunFolder, phases: Mapping[str, Phase]) -> None:
    """Write plots/*.json and report.html from the run's journal and loads. May be repeated, as replay does."""
    journal = folder.read_json("journal.json")
    drawn = figures(lab, journal, phases, keep.seen(folder, phases))
    for name, figure in drawn.items():
        folder.write_text(f"plots/{name}.json", figure.to_json())
    page = TEMPLATES.get_template("report.html.jinja").render(
        lab=lab,
        journal=journal,
        environment=folder.read_json("env.json"),
        told=_told(lab, journal["numbers"]),
        answered={grade["id"]: grade for grade in journal["grades"]},
        plots={name: _html(name, figure) for name, figure in drawn.items()},
        plotly_js=Markup(PLOTLY_JS.read_text(encoding="utf-8")),  # from the wheel: no network, ever
    )
    folder.write_text("report.html", page)


def figures(lab: Lab, journal: Mapping[str, Any], phases: Mapping[str, Phase], seen: Seen) -> dict[str, Any]:
    """Plotly figures by name: the lab's own, then the course of the run."""
    drawn: dict[str, Any] = {}
    if journal["numbers"]:
        drawn |= lab.plots(seen, journal["numbers"])
    if phases:
        drawn |= dict(_timelines(journal, phases))
    return drawn


def _timelines(journal: Mapping[str, Any], phases: Mapping[str, Phase]) -> Iterator[tuple[str, Any]]:
    begin = min(phase.load.started_at for phase in phases.values())
    loads = {
        name: {
            "begin_s": phase.load.started_at - begin,
            "windows": series(phase.load)[: int(phase.load.duration_s) or 1],
        }
        for name, phase in phases.items()
    }  # whole seconds: half a one would look like half the requests
    for name, column, title, unit in (
        ("median", "p50_ms", "p50, second by second", "latency (ms)"),
        ("tail", "p99_ms", "p99, second by second", "latency (ms)"),
        ("offered", "offered", "Requests offered", "requests per second"),
        ("failed", "failed", "Requests that failed", "requests per second"),
    ):
        figure = plots.timeline(title, loads, column, unit)
        for line, broken in enumerate(stretches(journal["faults"])):
            plots.shade(figure, broken.since - begin, broken.until - begin, broken.label, line % 3)
        yield name, figure


@dataclass(kw_only=True)
class Stretch:
    """A time, in seconds since 1970, in which one kind of fault was in force somewhere."""

    fault: str
    targets: list[str]
    since: float
    until: float

    @property
    def label(self) -> str:
        return f"{self.fault} on {self.targets[0] if len(self.targets) == 1 else len(self.targets)}"


def stretches(faults: Sequence[Mapping[str, Any]]) -> list[Stretch]:
    """The faults of a run, as the journal has them; the same one on several targets at a time is one stretch."""
    found: list[Stretch] = []
    for fault in faults:
        last = found[-1] if found else None
        until = fault["until"] or fault["from"]
        if last and last.fault == fault["fault"] and fault["from"] <= last.until:
            last.until = max(last.until, until)
            last.targets += [fault["target"]] if fault["target"] not in last.targets else []
        else:
            found.append(Stretch(fault=fault["fault"], targets=[fault["target"]], since=fault["from"], until=until))
    return found


def _told(lab: Lab, numbers: Mapping[str, float]) -> Told | None:
    if not numbers:
        return None
    teaching = lab.teaching
    return Told(
        explanation=teaching.explanation(numbers),
        short=teaching.interview.short(numbers),
        long=teaching.interview.long(numbers),
    )


def _html(name: str, figure: Any) -> Markup:
    config = {"displaylogo": False, "responsive": True}
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"plot-{name}", config=config))
