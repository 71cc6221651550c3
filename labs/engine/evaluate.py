"""From loads to numbers, findings, grades and a verdict: the same after a run and after a replay."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from labs.engine import gate
from labs.engine.outcome import LabResult
from labs.engine.verdict import Verdict, doubts, judge
from labs.lab import Answer, Finding, Lab, Row, Seen


@dataclass(kw_only=True)
class Evaluation:
    """Everything that follows from the samples of a run."""

    numbers: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    grades: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    verdict: Verdict = "unknown"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def result(self, lab: str, run_dir: Path, seconds: float, interrupted: bool = False) -> LabResult:
        return LabResult(
            lab=lab, verdict=self.verdict, findings=self.findings, predictions=self.grades, run_dir=run_dir,
            seconds=seconds, reasons=self.reasons, numbers=self.numbers, interrupted=interrupted,
        )  # fmt: skip


def evaluate(lab: Lab, seen: Seen, answers: Mapping[str, Answer], damage: Sequence[str] = ()) -> Evaluation:
    """The loads of the steady state are proof, not measurement: they may be small."""
    measured = {name: load for name, load in seen.loads.items() if not name.startswith("steady_")}
    numbers = dict(lab.measure(seen))
    findings = list(lab.findings(numbers))
    reasons = doubts(measured, lab.limits)
    return Evaluation(
        numbers=numbers,
        findings=findings,
        rows=list(lab.rows(numbers)),
        grades=gate.grade(lab, answers, numbers),
        reasons=[*reasons, *damage],
        verdict=judge(findings, reasons, damage),
    )
