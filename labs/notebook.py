"""Labs in notebooks: plain calls that return something to look at.

Nothing here needs `await`: a notebook's kernel already runs an event loop, so the load is sent by a process of its own.
The shop is the running one of the name in SHOPLAB_NAME (`./shoplab notebook` sets it), unless one is handed in.
"""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import plotly.io
from IPython.display import HTML, display

from labs.catalogue import lab_named
from labs.engine import gate, keep
from labs.engine.bench import Event
from labs.engine.compare import compare
from labs.engine.folder import RUNS, RunFolder
from labs.engine.gate import PredictionsMissing
from labs.engine.outcome import LabBroke, LabResult
from labs.engine.runner import run_lab
from labs.lab import Answer
from labs.load.process import Progress
from labs.report import figures, paragraphs
from labs.shop import Shop

show: Any = display
plotly.io.renderers.default = "plotly_mimetype"
NOTHING = "<p>This run measured nothing that counts: see its reasons above, then run it again.</p>"


class Lab:
    """One lab on one shop. Look at `questions`, `predict`, then `run`."""

    def __init__(self, slug: str, shop: Shop | None = None, runs: Path = RUNS) -> None:
        self.lab, self._shop, self._runs = lab_named(slug), shop, runs
        self.answers: dict[str, Answer] = {}

    @property
    def questions(self) -> HTML:
        """What has to be predicted, and what an answer looks like."""
        rows = [[question.id, question.text, gate.hint(question)] for question in self.lab.predictions]
        return table(["id", "question", "answer"], rows)

    @property
    def map(self) -> HTML:
        return html(f"<pre>{escape(self.lab.map)}</pre>")

    def predict(self, question: str, value: float | str, because: str = "") -> None:
        """Answer one question. May be repeated until the run, not after it. Raises `BadAnswer`."""
        answers = self.answers | {question: Answer(value=value, because=because)}
        try:
            gate.check(self.lab, answers)
        except PredictionsMissing as missing:
            show(html(f"Noted. Still open: {', '.join(open_.id for open_ in missing.questions)}."))
        else:
            show(html("Noted. Every question has an answer: run the lab."))
        self.answers = answers

    def run(self, *, quick: bool = False, predict: bool = True, seed: int = 1, inject: bool = True) -> "Run":
        """Run the lab and show how it goes. Interrupting the kernel rolls everything back, too.

        Raises `PredictionsMissing` while a question is open, `LabBroke` when there is no verdict: what there is, is in
        its `result`, whose `run_dir` is None when the run could not even be begun.
        """
        live = Live()
        try:
            result = run_lab(
                self.lab, self._shop or running_shop(), answers=self.answers, predict=predict, quick=quick, seed=seed,
                inject=inject, runs=self._runs, on_event=live.event, on_progress=live.progress,
            )  # fmt: skip
        except LabBroke as broke:
            live.end(broke.result)
            raise
        live.end(result)
        return Run(result, self._runs)


class Run:
    """A finished run: as the last line of a cell it shows its findings and its verdict."""

    def __init__(self, result: LabResult, runs: Path = RUNS) -> None:
        assert result.run_dir
        self.result, self._runs = result, runs
        self.lab, self.folder = lab_named(result.lab), RunFolder(result.run_dir)

    @property
    def verdict(self) -> str:
        return self.result.verdict

    @property
    def predictions(self) -> HTML:
        """What you said beside what was measured."""
        grades = self.result.predictions
        rows = [[g["question"], _with(g["predicted"], g["unit"]), _with(g["measured"], g["unit"]), _sign(g["right"]),
                 g["because"]] for g in grades]  # fmt: skip
        return table(["question", "you predicted", "measured", "", "because"], rows)

    def plot(self, name: str | None = None) -> Any:
        """One of `plots`; the first one without a name. A run that measured nothing has few or none."""
        drawn = self._figures()
        if not self.result.numbers and name not in drawn:
            return html(NOTHING)
        return drawn[name or next(iter(drawn))]

    @property
    def plots(self) -> list[str]:
        """Names of the plots there are."""
        return list(self._figures())

    def compare(self, other: "Run | str | Path | None" = None) -> HTML:
        """Formula beside measurement; with another run, both runs side by side."""
        if other is None:
            rows = self.folder.read_json("journal.json")["rows"]
            cells = [[r["what"], r["formula"], f"{r['expected']:.1f}", f"{r['measured']:.1f}", r["unit"]] for r in rows]
            return table(["", "formula", "arithmetic", "measured", "unit"], cells)
        path = other.folder.path if isinstance(other, Run) else other
        difference = compare(self.folder.path, path, runs=self._runs)
        return html(table(*difference.table()).data + f"<p>{escape(difference.summary)}</p>")

    @property
    def explanation(self) -> HTML:
        """Why it came out as it did."""
        if not self.result.numbers:
            return html(NOTHING)
        doubt = (
            "" if self.verdict == "pass" else "<p><strong>Not every claim held: this is what was expected.</strong></p>"
        )
        return html(doubt + paragraphs(self.lab.teaching.explanation(self.result.numbers)))

    @property
    def interview(self) -> HTML:
        """The interview question with a short and a long answer from this run."""
        if not self.result.numbers:
            return html(NOTHING)
        words, numbers = self.lab.teaching.interview, self.result.numbers
        return html(
            f"<p><strong>{escape(words.question)}</strong></p>{paragraphs(words.short(numbers))}"
            f"<details><summary>The long answer</summary>{paragraphs(words.long(numbers))}</details>"
        )

    @property
    def questionnaire(self) -> HTML:
        asked = self.lab.teaching.questionnaire
        return html("".join(f"<details><summary>{escape(q)}</summary>{paragraphs(a)}</details>" for q, a in asked))

    @property
    def report(self) -> Path:
        """The file to keep or to hand in: works offline."""
        return self.folder.path / "report.html"

    def _repr_html_(self) -> str:
        rows = [[_sign(f.holds), f.claim, f.measured, f.expected] for f in self.result.findings]
        reasons = "".join(f"<p>{escape(reason)}</p>" for reason in self.result.reasons)
        findings = table(["", "claim", "measured", "expected"], rows).data
        return f"{findings}{reasons}<p>{_verdict(self.result)}</p>"

    def _figures(self) -> dict[str, Any]:
        journal = self.folder.read_json("journal.json")
        phases = keep.read_loads(self.folder, journal["loads"])
        return figures(self.lab, journal, phases, keep.seen(self.folder, phases))


class Live:
    """What happens while a lab runs, in one place that is rewritten."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._handle = show(html(""), display_id=True)

    def event(self, event: Event) -> None:
        if event.kind in ("step", "fault", "stop", "rollback"):
            self._lines.append(f"{event.at_s:5.1f} s  {event.text}")
            self._show()

    def progress(self, now: Progress) -> None:
        self._show(f"         {now.offered} sent, {now.completed} answered, {now.failed} failed, {now.in_flight} open")

    def end(self, result: LabResult) -> None:
        self._lines.append(f"{result.seconds:5.1f} s  {result.verdict}")
        self._show()

    def _show(self, last: str = "") -> None:
        if self._handle:
            self._handle.update(html(f"<pre>{escape(chr(10).join([*self._lines, last]))}</pre>"))


def running_shop() -> Shop:
    """The shop of the name in SHOPLAB_NAME, else `shop`. Raises when it does not run."""
    from labs.control.client import ShopClient

    return ShopClient.of(os.environ.get("SHOPLAB_NAME") or "shop")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> HTML:
    """Cells are texts, escaped here; left-aligned, because most are words."""
    top = "".join(f'<th style="text-align:left">{escape(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    return html(f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>")


def html(text: str) -> HTML:
    made: Any = HTML
    result: HTML = made(str(text))
    return result


def _cell(text: str) -> str:
    return f'<td style="text-align:left">{escape(text)}</td>'


def _with(value: float | str, unit: str) -> str:
    return value if isinstance(value, str) else f"{value:.3g} {unit}"


def _sign(good: bool) -> str:
    return "✓" if good else "✗"


def _verdict(result: LabResult) -> str:
    sign = {"pass": "✓", "fail": "✗", "unknown": "?"}[result.verdict]
    return f"<strong>{sign} {result.verdict}</strong> · report: <code>{escape(str(result.run_dir))}/report.html</code>"
