"""Looking into a shop past all its services, as its administrator: for tests that must know what a fault did."""

import time
from collections.abc import Callable

from compose import places
from labs.control.client import ShopClient
from labs.control.probes import Probes


def probes(shop: ShopClient) -> Probes:
    """SQL, AMQP and caches of a running shop."""
    addresses = {component["name"]: component["address"] for component in shop.status()}
    return Probes(addresses, places.passwords(places.folder(shop.name)))


def ask_sql(shop: ShopClient, node: str, query: str) -> int:
    """The one number a query gives at this node."""
    with probes(shop).sql(node) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(next(iter(row.values())))


def seconds_until(condition: Callable[[], bool], at_most_s: float) -> float:
    """How long it took to become true; `at_most_s` when it did not."""
    began = time.monotonic()
    while not condition() and time.monotonic() < began + at_most_s:
        time.sleep(0.02)
    return min(time.monotonic() - began, at_most_s)
