"""A checkout leaves the parcel to the queue, or waits for it; the order stands either way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.common.deadline import Deadline
from services.common.errors import TimedOut
from services.orders.attempts import PricedLine
from services.orders.handover import Handover
from services.orders.orders import Head, Order

ORDER = Order(Head("o", "confirmed", 500, datetime.now(UTC)), (PricedLine("tea-001", "Tea", 1, 500),))


class Orders:
    def ship(self, order_id: str) -> Order:
        return replace(ORDER, head=replace(ORDER.head, order_id=order_id, status="shipped"))


class Fulfilment:
    def __init__(self, dead: bool = False) -> None:
        self.packed: list[tuple[str, float]] = []
        self._dead = dead

    def pack(self, order_id: str, lines: Sequence[PricedLine], total_s: float) -> None:
        if self._dead:
            raise TimedOut("no answer")
        self.packed.append((order_id, total_s))


def handover(fulfilment: Fulfilment, in_request: bool) -> Handover:
    return Handover(Orders(), fulfilment, lambda: in_request, bound_s=1.5)


def test_left_to_the_queue_nobody_is_asked() -> None:
    fulfilment = Fulfilment(dead=True)
    assert handover(fulfilment, in_request=False).finish(ORDER, Deadline(3.6)) == ORDER


def test_in_the_request_the_shopper_waits_for_the_parcel_and_sees_it_shipped() -> None:
    fulfilment = Fulfilment()
    assert handover(fulfilment, in_request=True).finish(ORDER, Deadline(3.6)).head.status == "shipped"
    assert fulfilment.packed == [("o", 1.5)]


def test_in_the_request_a_dead_warehouse_is_the_shoppers_problem() -> None:
    with pytest.raises(TimedOut):
        handover(Fulfilment(dead=True), in_request=True).finish(ORDER, Deadline(3.6))
