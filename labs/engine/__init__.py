"""Run a lab, judge it, keep it, compare it, play it again."""

from labs.engine.compare import Difference, compare
from labs.engine.gate import PredictionsMissing, ask
from labs.engine.outcome import LabResult
from labs.engine.replay import replay
from labs.engine.runner import LabBroke, run_lab
from labs.engine.stability import Stability, stability
from labs.engine.undo import finish_interrupted

__all__ = [
    "Difference",
    "LabBroke",
    "LabResult",
    "PredictionsMissing",
    "Stability",
    "ask",
    "compare",
    "finish_interrupted",
    "replay",
    "run_lab",
    "stability",
]
