"""Two runs side by side. What lies within chance is called the same: an A/A comparison says "no difference".

The steady state is the control: both runs did the same there, so whatever differs there is the machine's mood.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from labs.engine import keep
from labs.engine.folder import RUNS, RunFolder
from labs.formulas import percentile_interval
from labs.load import LoadResult

PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One percentile of one load in both runs, in milliseconds, with its 95 % interval (None: too few samples)."""

    load: str
    percentile: int
    a_ms: float
    b_ms: float
    a_interval: tuple[float, float] | None
    b_interval: tuple[float, float] | None
    control_ms: float = 0.0
    """By how much the same percentile of the steady states differs."""

    @property
    def differs(self) -> bool:
        """Whether the intervals do not even touch and the gap is twice the control's. May miss a small difference."""
        if self.a_interval is None or self.b_interval is None:
            return False
        apart = self.a_interval[1] < self.b_interval[0] or self.b_interval[1] < self.a_interval[0]
        return apart and abs(self.a_ms - self.b_ms) > 2 * self.control_ms


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The loads that both runs have, and each finding's fate in both."""

    a: Path
    b: Path
    lines: list[Line]
    findings: list[tuple[str, bool | None, bool | None]]

    @property
    def summary(self) -> str:
        differing = [f"{line.load} p{line.percentile}" for line in self.lines if line.differs]
        changed = [claim for claim, a, b in self.findings if a != b]
        return "; ".join([*differing, *changed]) or "no difference"

    def to_json(self) -> dict[str, Any]:
        lines = [asdict(line) | {"differs": line.differs} for line in self.lines]
        findings = [{"claim": claim, "a": a, "b": b} for claim, a, b in self.findings]
        return {"a": str(self.a), "b": str(self.b), "summary": self.summary, "lines": lines, "findings": findings}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows, for a terminal or a page."""
        head = ["load", "percentile", "A (ms)", "B (ms)", "B / A", "beyond chance"]
        return head, [_cells(line) for line in self.lines]


def compare(run_a: str | Path, run_b: str | Path, *, runs: Path = RUNS) -> Difference:
    """Read two run folders (see `RunFolder.find` for how to name them); no shop is needed. Raises `NoSuchRun`."""
    a, b = RunFolder.find(run_a, runs), RunFolder.find(run_b, runs)
    journals = [folder.read_json("journal.json") for folder in (a, b)]
    loads_a, loads_b = (
        {name: phase.counted for name, phase in keep.read_loads(folder, journal.get("loads", {})).items()}
        for folder, journal in zip((a, b), journals, strict=True)
    )
    both = [name for name in loads_a if name in loads_b]
    lines = [_line(name, percentile, loads_a[name], loads_b[name]) for name in both for percentile in PERCENTILES]
    lines = [replace(line, control_ms=_control(line.percentile, lines)) for line in lines]
    return Difference(a=a.path, b=b.path, lines=lines, findings=_findings(journals))


def _line(name: str, percentile: int, a: LoadResult, b: LoadResult) -> Line:
    return Line(
        load=name,
        percentile=percentile,
        a_ms=a.latency.percentile(percentile),
        b_ms=b.latency.percentile(percentile),
        a_interval=_interval(a, percentile),
        b_interval=_interval(b, percentile),
    )


def _control(percentile: int, lines: Sequence[Line]) -> float:
    steady = [line for line in lines if line.load.startswith("steady_") and line.percentile == percentile]
    return max((abs(line.a_ms - line.b_ms) for line in steady), default=0.0)


def _interval(load: LoadResult, percentile: int) -> tuple[float, float] | None:
    return percentile_interval([s.latency_ms for s in load.waited_for if s.latency_ms is not None], percentile / 100)


def _findings(journals: Sequence[dict[str, Any]]) -> list[tuple[str, bool | None, bool | None]]:
    a, b = ({f["claim"]: f["holds"] for f in journal.get("findings", [])} for journal in journals)
    return [(claim, a.get(claim), b.get(claim)) for claim in {**a, **b}]


def _cells(line: Line) -> list[str]:
    ratio = f"{line.b_ms / line.a_ms:.2f}" if line.a_ms else "-"
    beyond = "yes" if line.differs else "no"
    return [line.load, f"p{line.percentile}", f"{line.a_ms:.1f}", f"{line.b_ms:.1f}", ratio, beyond]
