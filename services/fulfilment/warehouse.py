"""Packing an order and telling orders, once in effect however often the message comes."""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote

from services.common.bus import Event
from services.common.errors import Unavailable
from services.common.http import Peers

QUEUE_PATIENCE_S = 8.0
"""How long the queue waits for the packing table: less than the broker waits for a heartbeat."""


class Shipments(Protocol):
    """What was packed; see `shipments.Shipments`."""

    def exists(self, order_id: str) -> bool: ...
    def add(self, order_id: str, items: list[dict[str, Any]]) -> bool: ...


class Orders(Protocol):
    """Who wants to know; see `PeerOrders`."""

    def shipped(self, order_id: str) -> None: ...


class PeerOrders:
    """The orders service over HTTP."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def shipped(self, order_id: str) -> None:
        """Say that an order is on its way; harmless when repeated. Raises ShopError."""
        self._peers.call("PUT", f"/internal/orders/{quote(order_id, safe='')}/shipment", safe=True)


class Warehouse:
    """Packs one parcel after the other, `pack_s()` seconds each: a replica's capacity is 1 / pack_s orders a second,
    whether an order came by the queue or somebody waits for its parcel.
    """

    def __init__(
        self,
        shipments: Callable[[], Shipments],
        orders: Orders,
        pack_s: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._shipments, self._orders = shipments, orders
        self._pack_s, self._sleep = pack_s, sleep
        self._table = threading.Lock()

    def handle(self, event: Event) -> None:
        """Pack unless that is done, then tell orders in any case: the last time may have ended in between."""
        self.pack(event.order_id, [item.model_dump() for item in event.items], QUEUE_PATIENCE_S)
        self._orders.shipped(event.order_id)

    def pack(self, order_id: str, items: list[dict[str, Any]], patience_s: float) -> None:
        """Pack an order's parcel unless that is done. Raises Unavailable when the packing table does not become free
        within `patience_s`.
        """
        if not self._table.acquire(timeout=patience_s):
            raise Unavailable("others are waiting for the packing table, too")
        try:
            shipments = self._shipments()
            if not shipments.exists(order_id):
                self._sleep(self._pack_s())
                shipments.add(order_id, items)
        finally:
            self._table.release()
