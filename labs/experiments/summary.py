"""What many experiments showed, on one page: by promise, by fault, by target. As Markdown and as HTML."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

from labs.experiments.promises import ALL
from labs.experiments.run import Result

HEAD = ("runs", "requests", "failed", "most", "recovered", "slowest", "broken")


@dataclass(frozen=True, kw_only=True)
class Row:
    """The experiments in which one fault, or one target, took part. An experiment with three faults is in three rows,
    with all that happened in it. `recover` are the seconds of those in which something failed.
    """

    name: str
    experiments: int
    requests: int
    failed: int
    failed_most: int
    recover: Sequence[float]
    violations: int

    def cells(self) -> list[str]:
        """As the tables have it."""
        median_s, worst_s = (f"{f(self.recover):.1f} s" if self.recover else "-" for f in (median, max))
        numbers = (self.experiments, self.requests, self.failed, self.failed_most)
        return [*(f"{number:,}" for number in numbers), median_s, worst_s, str(self.violations)]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All of a series. `promises`: how often each was broken."""

    verdicts: dict[str, int]
    total: Row
    promises: dict[str, int]
    by_fault: Sequence[Row]
    by_target: Sequence[Row]
    not_passed: Sequence[Result]
    never_recovered: int
    seconds: float
    refused: int
    put_back: int
    tried_again: int


def summarise(results: Sequence[Result]) -> Summary:
    """Count. Only experiments that judged something are in the rows: not those of a shop that was not well before."""
    judged = [result for result in results if result.verdict in ("pass", "fail")]
    return Summary(
        verdicts={verdict: sum(r.verdict == verdict for r in results) for verdict in ("pass", "fail", "unknown")},
        total=_row("all", judged),
        promises={name: sum(any(b["promise"] == name for b in r.broken) for r in judged) for name in ALL},
        by_fault=_rows(judged, lambda struck: struck.split("@")[0]),
        by_target=_rows(judged, lambda struck: struck.split("@")[1]),
        not_passed=[result for result in results if result.verdict != "pass"],
        never_recovered=sum(result.recover_s is None and result.requests > 0 for result in judged),
        seconds=round(sum(result.seconds for result in results), 1),
        refused=sum(len(result.refused) for result in results),
        put_back=sum(result.put_back for result in results),
        tried_again=sum(result.tried_again for result in results),
    )


def write(folder: Path, head: dict[str, Any], results: Sequence[Result]) -> Summary:
    """`summary.md` and `summary.html` in the folder of a series."""
    summary = summarise(results)
    for page in ("summary.md", "summary.html"):
        (folder / page).write_text(render(page, head, summary))
    return summary


def render(page: str, head: dict[str, Any], summary: Summary) -> str:
    """One of the two pages."""
    engine = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html.jinja"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return engine.get_template(f"{page}.jinja").render(head=head, summary=summary, columns=HEAD)


def _rows(results: Sequence[Result], part: Callable[[str], str]) -> Sequence[Row]:
    names = sorted({part(struck) for result in results for struck in result.struck})
    return [_row(name, [r for r in results if name in map(part, r.struck)]) for name in names]


def _row(name: str, results: Iterable[Result]) -> Row:
    them = list(results)
    return Row(
        name=name,
        experiments=len(them),
        requests=sum(result.requests for result in them),
        failed=sum(result.failed for result in them),
        failed_most=max((result.failed for result in them), default=0),
        recover=[result.recover_s for result in them if result.failed and result.recover_s is not None],
        violations=sum(result.verdict == "fail" for result in them),
    )
