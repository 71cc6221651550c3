"""How often a lab's findings hold: a claim rests on repeated runs, not on one."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labs.engine.folder import RUNS
from labs.engine.outcome import LabBroke, LabResult
from labs.engine.runner import run_lab
from labs.engine.verdict import EXIT_BROKEN
from labs.lab import Lab
from labs.shop import Shop


@dataclass(kw_only=True)
class Stability:
    """Counts over several runs."""

    lab: str
    runs: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    broken: int = 0

    @property
    def exit_code(self) -> int:
        """0 only when every run passed; 1 when one failed; 2 when some were unknown; 3 when the harness broke."""
        if self.broken:
            return EXIT_BROKEN
        return 1 if self.verdicts["fail"] else 2 if self.verdicts["pass"] < self.runs else 0

    def add(self, result: LabResult) -> None:
        self.runs += 1
        self.broken += result.broken
        self.verdicts[result.verdict] += 1
        self.held.update({finding.claim: int(finding.holds) for finding in result.findings})
        self.reasons += result.reasons
        self.seconds.append(result.seconds)

    def to_json(self) -> dict[str, Any]:
        return {
            "lab": self.lab,
            "runs": self.runs,
            "verdicts": dict(self.verdicts),
            "findings": [{"claim": claim, "held": held} for claim, held in self.held.items()],
            "broken": self.broken,
            "reasons": self.reasons,
            "seconds": self.seconds,
        }


def stability(
    lab: Lab, shop: Shop, runs: int, *, seed: int = 1, folder: Path = RUNS,
    on_run: Callable[[LabResult], None] = lambda result: None, **options: Any,
) -> Stability:  # fmt: skip
    """Run a lab several times in quick mode, without predictions, each with the next seed; a run that breaks counts as
    unknown. `options` go to `run_lab`.
    """
    counts = Stability(lab=lab.slug)
    for number in range(runs):
        try:
            result = run_lab(lab, shop, predict=False, quick=True, seed=seed + number, runs=folder, **options)
        except LabBroke as broke:
            result = broke.result
        counts.add(result)
        on_run(result)
        if result.interrupted:
            break
    return counts
