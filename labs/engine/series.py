"""A load in windows of one second: a fault of two seconds inside a minute is invisible in whole-run percentiles."""

from collections import Counter
from typing import Any

from labs.load import LoadResult
from labs.load.histogram import Histogram
from labs.load.result import WAITED_FOR
from labs.load.sample import DROPPED, Sample


def series(load: LoadResult) -> list[dict[str, Any]]:
    """One dict per second of intended starts: rates in requests per second, latencies in milliseconds."""
    windows: dict[int, list[Sample]] = {second: [] for second in range(max(1, round(load.duration_s)))}
    for sample in load.samples:
        windows.setdefault(int(sample.intended_s), []).append(sample)
    return [_window(second, windows[second]) for second in sorted(windows)]


def _window(second: int, samples: list[Sample]) -> dict[str, Any]:
    latency = Histogram(sample.latency_ms for sample in samples if sample.outcome in WAITED_FOR)
    return {
        "second": second,
        "offered": len(samples),
        "ok": sum(sample.outcome == "ok" for sample in samples),
        "failed": sum(sample.outcome not in ("ok", DROPPED) for sample in samples),
        "dropped": sum(sample.outcome == DROPPED for sample in samples),
        "p50_ms": latency.percentile(50) if latency.count else None,
        "p99_ms": latency.percentile(99) if latency.count else None,
        "replicas": dict(Counter(sample.replica for sample in samples if sample.replica)),
    }
