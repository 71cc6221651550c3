"""What a run came to."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from labs.engine.verdict import EXIT_CODES, Verdict
from labs.lab import Finding


@dataclass(frozen=True, kw_only=True)
class LabResult:
    """`reasons` say why a verdict is `unknown`, or what the rollback left; `predictions` are the graded answers."""

    lab: str
    verdict: Verdict
    findings: list[Finding]
    predictions: list[dict[str, Any]]
    run_dir: Path
    seconds: float
    reasons: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    @property
    def interrupted(self) -> bool:
        """Did somebody press Ctrl-C? All is taken back then all the same."""
        return any(reason.startswith("interrupted") for reason in self.reasons)

    def to_json(self) -> dict[str, Any]:
        """The object `lab run --json` ends with."""
        return {
            "lab": self.lab,
            "verdict": self.verdict,
            "findings": [asdict(finding) for finding in self.findings],
            "predictions": self.predictions,
            "run_dir": str(self.run_dir),
            "seconds": self.seconds,
            "reasons": self.reasons,
        }
