"""What is left for a checkout to do once its order is placed.

nothing (the rule)    the order's event is written: the relay will tell the warehouse, and the shopper need not wait
ship_in_request       wait for the parcel: what everybody writes first. The event is written all the same, so whatever
                      becomes of the waiting, the order is packed, once
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from services.common.deadline import Deadline
from services.orders.attempts import PricedLine
from services.orders.orders import Order


class Orders(Protocol):
    """Where orders are kept; see `orders.Orders`."""

    def ship(self, order_id: str) -> Order: ...


class Fulfilment(Protocol):
    """Who packs; see `peers.Fulfilment`."""

    def pack(self, order_id: str, lines: Sequence[PricedLine], total_s: float) -> None: ...


class Handover:
    """The end of a checkout. `in_request()` tells whether to wait, for `bound_s` seconds at most."""

    def __init__(self, orders: Orders, fulfilment: Fulfilment, in_request: Callable[[], bool], bound_s: float) -> None:
        self._orders, self._fulfilment = orders, fulfilment
        self._in_request, self._bound_s = in_request, bound_s

    def finish(self, order: Order, deadline: Deadline) -> Order:
        """The order as it is now. Raises Unavailable or TimedOut when the parcel did not come: the order stands."""
        if not self._in_request():
            return order
        self._fulfilment.pack(order.head.order_id, order.lines, deadline.within(self._bound_s))
        return self._orders.ship(order.head.order_id)
