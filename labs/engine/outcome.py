"""What a run came to."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from labs.engine.verdict import EXIT_BROKEN, EXIT_CODES, Verdict
from labs.lab import Finding


@dataclass(frozen=True, kw_only=True)
class LabResult:
    """`reasons` say why a verdict is `unknown`, or what the rollback left; `predictions` are the graded answers.

    `broken`: the harness broke, so there is no verdict. `interrupted`: somebody pressed Ctrl-C; all is taken back and
    written down then all the same. `run_dir` is None when the run could not even be begun.
    """

    lab: str
    verdict: Verdict
    findings: list[Finding] = field(default_factory=list)
    predictions: list[dict[str, Any]] = field(default_factory=list)
    run_dir: Path | None = None
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False
    broken: bool = False

    @property
    def exit_code(self) -> int:
        return EXIT_BROKEN if self.broken else EXIT_CODES[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """The object `lab run --json` ends with."""
        return {
            "lab": self.lab,
            "verdict": self.verdict,
            "findings": [asdict(finding) for finding in self.findings],
            "predictions": self.predictions,
            "run_dir": str(self.run_dir) if self.run_dir else None,
            "seconds": self.seconds,
            "reasons": self.reasons,
        }


class LabBroke(Exception):
    """The harness broke, so there is no verdict (exit 3). Everything was rolled back; the message says what is left,
    `result` where the run is, and what was measured by then.
    """

    def __init__(self, reason: str, so_far: LabResult) -> None:
        self.result = replace(so_far, verdict="unknown", reasons=[reason], broken=True)
        super().__init__(reason)
