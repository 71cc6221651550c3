"""Opening and closing the lane of a sale's item: replicas first and buyers afterwards, then the other way round.

Whatever breaks in between, nobody is turned away and no parcel is lost: while the lane has no replica the gateway gives
its path to orders, and what is left in its queue is packed by fulfilment.
"""

import time
from collections.abc import Mapping
from typing import Any, Protocol

from labs.control.repairs import no_item

ORDERS, PACKER = "orders-lane", "fulfilment-lane"
ORDERING = ("orders", ORDERS)
"""Whoever places orders."""
HOT_ITEM = "orders.hot_item"
SOLD = "select from inventory.stock where sku = %(sku)s"
WAITING = "select from orders.orders where lane and status = 'confirmed' limit 1"
PACKED_WITHIN_S = 20.0


class Shop(Protocol):
    """What the lane needs; see `shop.RunningShop`."""

    def members(self, service: str) -> Any: ...
    def scale(self, service: str, replicas: int) -> None: ...
    def set_flag(self, name: str, text: str) -> Any: ...
    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]: ...


def open_lane(shop: Shop, sku: str) -> None:
    """From now on an order with this item is placed and packed in the lane, which is started if it rests. One item at a
    time: another one takes its place. Raises UnknownComponent for what the shop does not sell, RuntimeFailed.
    """
    if not shop.rows(SOLD, {"sku": sku}):
        raise no_item(sku)
    for service in (PACKER, ORDERS):
        if not shop.members(service):
            shop.scale(service, 1)
    shop.set_flag(HOT_ITEM, sku)


def close_lane(shop: Shop, within_s: float = PACKED_WITHIN_S) -> None:
    """Every order goes the usual way again. The lane's packer goes when its parcels are packed; if that takes longer
    than `within_s`, fulfilment packs the rest. Fine when it is closed. Raises RuntimeFailed.
    """
    shop.set_flag(HOT_ITEM, "default")
    shop.scale(ORDERS, 0)
    deadline = time.monotonic() + within_s
    while shop.members(PACKER) and shop.rows(WAITING) and time.monotonic() < deadline:
        time.sleep(0.1)
    shop.scale(PACKER, 0)
