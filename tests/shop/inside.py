"""Looking into a shop past its services, as its administrator: for tests that must know what a fault did."""

import time
from collections.abc import Callable
from typing import Any

from labs.control.client import ShopClient
from tests.shop.buying import eventually


def number(shop: ShopClient, node: str, query: str) -> int:
    """The one number a query gives at this Postgres node."""
    (row,) = shop.rows(query, node)
    return int(next(iter(row.values())))


def replica(shop: ShopClient) -> dict[str, Any]:
    """How the replica gets on; nothing while a server does not answer."""
    return (shop.report()["replication"] or {}).get("replica") or {}


def replica_has_all(shop: ShopClient) -> None:
    """What the replica has not yet is lost with the primary."""
    eventually(lambda: replica(shop).get("behind_bytes") == 0)


def seconds_until(condition: Callable[[], bool], at_most_s: float) -> float:
    """How long it took to become true; `at_most_s` when it did not."""
    began = time.monotonic()
    while not condition() and time.monotonic() < began + at_most_s:
        time.sleep(0.02)
    return min(time.monotonic() - began, at_most_s)
