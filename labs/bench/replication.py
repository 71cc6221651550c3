"""Orders per second that wait for the replica, beside orders that do not: what synchronous replication costs here.

Both servers are on one machine and on one disk, so this is the price without any distance: twice the writing, and a
message each way for every commit.
"""

import itertools
import time
from collections.abc import Callable

from compose.runtime.verbs import RuntimeFailed
from labs.bench import warm_up
from labs.bench.checkout import through_http, through_sql
from labs.bench.measurement import Measurement, Sample, Say, in_turn
from labs.bench.order_sql import Line
from labs.control.client import ShopClient

ROUNDS = 4
ORDERS = 160
WITHIN_S = 10.0

WAYS: dict[str, tuple[str, Callable[[ShopClient, list[Line]], Sample]]] = {
    "checkout": ("checkouts at the gateway", through_http),
    "sql": ("the SQL of a checkout without HTTP", through_sql),
}


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS, orders: int = ORDERS) -> list[Measurement]:
    """As many orders in each mode, in turn."""
    lines = itertools.cycle([Line(p["sku"], p["name"], p["price_cents"]) for p in warm_up.products(shop)])
    through_http(shop, list(itertools.islice(lines, orders // 4)))

    def sell(way: str, synchronous: bool) -> Sample:
        replicate(shop, synchronous)
        return WAYS[way][1](shop, list(itertools.islice(lines, orders)))

    try:
        return [
            Measurement(
                name=f"replication_{way}",
                what=f"{what}, each commit on both servers",
                unit="orders/s",
                beside="the same, asynchronous",
                rounds=in_turn(rounds, lambda: sell(way, True), lambda: sell(way, False), say, "orders/s"),  # noqa: B023
            )
            for way, (what, _) in WAYS.items()
        ]
    finally:
        shop.set_flag("postgres.synchronous", "default")


def replicate(shop: ShopClient, synchronous: bool) -> None:
    """Have commits wait for the replica, or not; returns when it is so. Raises RuntimeFailed when it never is."""
    shop.set_flag("postgres.synchronous", synchronous)
    deadline = time.monotonic() + WITHIN_S
    while shop.rows("select sync_state from pg_stat_replication")[:1] != [
        {"sync_state": ("async", "sync")[synchronous]}
    ]:
        if time.monotonic() > deadline:
            raise RuntimeFailed(f"replication did not change within {WITHIN_S:g} s")
        time.sleep(0.05)
