"""What the labs about replication count: outages, lost orders, looks that came too early."""

from typing import Any, cast

import pytest

from labs.load import LoadResult
from labs.load.generator import Order
from labs.load.sample import Sample
from labs.replication.buyers import Look, look_later_s, missed
from labs.replication.promises import confirmed_between, lost, outage_s

BEGAN = 1000.0


def load(*confirmed_s: float, failed_s: float = 5.0) -> LoadResult:
    """Ten seconds in which orders were confirmed at these seconds, and one failed."""
    ends = [(at, "ok") for at in confirmed_s] + [(failed_s, "http_5xx")]
    samples = [Sample(intended_s=0, what="checkout", client="", done_s=at, outcome=outcome) for at, outcome in ends]
    orders = [Order(key=f"key-{at}", outcome="ok", order_id=f"order-{at}") for at in confirmed_s]
    return LoadResult(
        mix="checkout", arrival="constant", rate=1, duration_s=10, seed=1, started_at=BEGAN, samples=samples,
        orders=orders,
    )  # fmt: skip


class Tables:
    """A shop that has kept these orders."""

    def __init__(self, *kept: str) -> None:
        self.kept = kept

    def rows(self, query: str, node: str = "") -> list[dict[str, Any]]:
        return [{"order_id": order} for order in self.kept if f"'{order}'" in query]


def test_an_outage_is_the_longest_time_without_a_confirmed_order_after_the_strike() -> None:
    assert outage_s(load(1, 5, 6, 9, 9.5), struck=BEGAN + 5.5) == pytest.approx(3)
    assert outage_s(load(1, 7, 8, 9), struck=BEGAN + 2) == pytest.approx(5)


def test_an_outage_that_does_not_end_lasts_to_the_end_of_the_load() -> None:
    assert outage_s(load(1, 2), struck=BEGAN + 3) == pytest.approx(7)


def test_lost_is_what_was_confirmed_and_is_not_there() -> None:
    assert lost(cast(Any, Tables("order-1", "order-3")), load(1, 2, 3)) == 1
    assert lost(cast(Any, Tables()), load()) == 0


def test_only_orders_confirmed_within_the_time_are_counted() -> None:
    assert confirmed_between(load(1, 2, 3, 4), BEGAN + 1.5, BEGAN + 3.5) == 2


def test_second_looks_are_spread_evenly_over_the_window() -> None:
    looks = sorted(look_later_s(buyer, 3.0) for buyer in range(60))
    assert 0 <= looks[0] and looks[-1] < 3.0
    assert sum(look < 1.5 for look in looks) == pytest.approx(30, abs=2)


def test_a_page_that_failed_is_not_a_missing_order() -> None:
    assert missed([Look(after_s=0, status=status) for status in (200, 404, 504, 404)]) == 2
