"""A load in windows of one second: a fault of two seconds inside a minute is invisible in whole-run percentiles."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from labs.load import LoadResult
from labs.load.result import WAITED_FOR
from labs.load.sample import DROPPED, Sample


def series(load: LoadResult) -> list[dict[str, Any]]:
    """One dict per second of intended starts: rates in requests per second, latencies in milliseconds."""
    windows: dict[int, list[Sample]] = {second: [] for second in range(max(1, round(load.duration_s)))}
    for sample in load.samples:
        windows.setdefault(int(sample.intended_s), []).append(sample)
    return [_window(second, windows[second]) for second in sorted(windows)]


def _window(second: int, samples: list[Sample]) -> dict[str, Any]:
    latencies = sorted(s.latency_ms for s in samples if s.outcome in WAITED_FOR and s.latency_ms is not None)
    return {
        "second": second,
        "offered": len(samples),
        "ok": sum(sample.outcome == "ok" for sample in samples),
        "failed": sum(sample.outcome not in ("ok", DROPPED) for sample in samples),
        "dropped": sum(sample.outcome == DROPPED for sample in samples),
        "p50_ms": _percentile(latencies, 0.50),
        "p99_ms": _percentile(latencies, 0.99),
        "replicas": dict(Counter(sample.replica for sample in samples if sample.replica)),
    }


def _percentile(ordered: Sequence[float], percentile: float) -> float | None:
    """The smallest value that at least this part of the values does not exceed; None without values."""
    return round(ordered[math.ceil(percentile * len(ordered)) - 1], 3) if ordered else None
