"""Checkouts per second at the gateway, beside the same SQL without HTTP: what the services and their calls cost."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from compose import places
from compose.runtime.verbs import RuntimeFailed
from labs.bench import warm_up
from labs.bench.closed_loop import drive
from labs.bench.measurement import Measurement, Sample, Say, in_turn
from labs.bench.order_sql import Line, Till, open_till
from labs.control.client import ShopClient

ROUNDS = 4
ORDERS = 200
AT_ONCE = 4


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS, orders: int = ORDERS) -> list[Measurement]:
    """Equally many orders on both ways, so that relay and workers have the same to do; each begins when all that was
    ordered before is shipped.
    """
    lines = itertools.cycle([Line(p["sku"], p["name"], p["price_cents"]) for p in warm_up.products(shop)])
    through_http(shop, list(itertools.islice(lines, orders // 4)))

    return [
        Measurement(
            name="checkout",
            what="checkouts at the gateway",
            unit="orders/s",
            beside="the same SQL in the same transactions without HTTP",
            rounds=in_turn(
                rounds,
                lambda: through_http(shop, list(itertools.islice(lines, orders))),
                lambda: through_sql(shop, list(itertools.islice(lines, orders))),
                say,
                "orders/s",
            ),
        )
    ]


def through_http(shop: ShopClient, lines: list[Line]) -> Sample:
    """One piece an order, a few shoppers at once."""
    address = shop.url.removeprefix("http://")
    rate = drive(address, AT_ONCE, (warm_up.order(address, line.sku) for line in lines)).rate(201)
    return Sample(rate, settled(shop))


def through_sql(shop: ShopClient, lines: list[Line]) -> Sample:
    """The same by as many threads."""
    primary = next(part["address"] for part in shop.status() if part["role"] == "primary")
    passwords = places.passwords(places.folder(shop.name))
    tills = [open_till(primary, passwords) for _ in range(AT_ONCE)]
    waiting, lock = iter(lines), threading.Lock()
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(serve, till, waiting, lock) for till in tills]:
            done.result()
    rate = len(lines) / (time.monotonic() - began)
    for till in tills:
        till.close()
    return Sample(rate, settled(shop))


def serve(till: Till, waiting: Iterator[Line], lock: threading.Lock) -> None:
    """One customer after the other until nobody waits."""
    while True:
        with lock:
            line = next(waiting, None)
        if line is None:
            return
        till.check_out(line)


def settled(shop: ShopClient) -> dict[str, float]:
    """Wait until all orders are shipped, and see that nothing got lost. Raises RuntimeFailed naming what did."""
    began = time.monotonic()
    if violated := shop.check():
        raise RuntimeFailed("the orders that were measured left the shop inconsistent: " + "; ".join(violated))
    return {"settled_s": round(time.monotonic() - began, 2)}
