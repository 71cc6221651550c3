from collections import defaultdict
from typing import Any, cast

import pytest

from labs.caching import slow_cache
from labs.caching.counting import Counts, counts, grown

LOOKS = [(10.0, 100.0), (12.0, 104.0), (14.0, 104.0)]


class Catalog:
    """A shop whose catalogue has counted this."""

    def metrics(self, service: str) -> dict[str, float]:
        lookups = {"hit": 5.0, "miss": 3.0, "error": 2.0}
        return {f'shop_cache_lookups_total{{cache="catalog",result="{what}"}}': n for what, n in lookups.items()}


@pytest.mark.parametrize(
    ("begin", "end", "by"), [(10, 14, 4), (10, 11, 2), (11, 12, 2), (12, 14, 0), (8, 11, 2), (13, 99, 0)]
)
def test_a_counter_grows_in_a_straight_line_between_two_looks(begin: float, end: float, by: float) -> None:
    assert grown(LOOKS, begin, end) == pytest.approx(by)


def test_a_node_that_failed_is_counted_beside_hits_and_misses() -> None:
    assert counts(cast(Any, Catalog())) == Counts(hits=5, misses=3, loads=0, errors=2)


@pytest.mark.parametrize(("late", "dead", "holds"), [(234, 1, True), (234, 0, False), (0, 1, False)])
def test_a_dead_cache_node_is_cheap_only_if_it_was_late_and_then_dead(late: float, dead: float, holds: bool) -> None:
    numbers = defaultdict(lambda: 1.0, bounded_errors=late, dead_errors=dead, dead_late=0.0, patient_mean_ms=900.0)
    assert slow_cache.findings(numbers)[-1].holds is holds
