"""Latencies in an HDR histogram: exact to three digits from a microsecond to two minutes, and mergeable."""

from collections.abc import Iterable
from typing import Any, cast

from hdrh.histogram import HdrHistogram

LONGEST_US = 120_000_000


class Histogram:
    """Milliseconds go in and come out; microseconds are what is stored. Merge histograms, never average percentiles."""

    def __init__(self, values_ms: Iterable[float | None] = ()) -> None:
        """`None` among the values is left out."""
        self.hdr = cast(Any, HdrHistogram)(1, LONGEST_US, 3)
        for value in values_ms:
            if value is not None:
                self.record(value)

    def record(self, value_ms: float) -> None:
        self.hdr.record_value(min(max(round(value_ms * 1000), 1), LONGEST_US))

    @property
    def count(self) -> int:
        return int(self.hdr.get_total_count())

    def percentile(self, percent: float) -> float:
        """0.0 when there is nothing to take a percentile of."""
        return round(self.hdr.get_value_at_percentile(percent) / 1000, 3) if self.count else 0.0

    def summary(self) -> dict[str, float]:
        """p50, p90, p99 and max, in milliseconds."""
        named = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}
        if not self.count:
            return dict.fromkeys(named, 0.0)
        found = self.hdr.get_percentile_to_value_dict(list(named.values()))  # one walk for all four
        return {name: round(found[percent] / 1000, 3) for name, percent in named.items()}
