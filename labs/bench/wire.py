"""The shop behind the wire, beside a second one without it: what a proxy on every link costs in throughput.

Each message costs two more system calls and a process that must be woken. A product is one look at Memcached, and the
budget is for that. An order is some sixty round trips to Postgres and little else: it shows the most that the wire can
cost, and has no budget.
"""

import itertools
from collections.abc import Callable

from labs.bench import checkout, ground, processor, product, warm_up
from labs.bench.measurement import Budget, Measurement, Sample, Say, in_turn
from labs.bench.order_sql import Line
from labs.control.client import ShopClient

BUDGET = Budget(limit=0.9, kind="at least", of="ratio")
ROUNDS = 8
SECONDS = 1.5
ORDERS = 120

Rate = Callable[[ShopClient], Sample]


def measure(
    shop: ShopClient, say: Say, rounds: int = ROUNDS, seconds: float = SECONDS, orders: int = ORDERS
) -> list[Measurement]:
    """Both shops run all the time, one idle while the other one is asked."""
    with ground.nothing(ground.own_name("-direct")) as name:
        say("starting a second shop, without the wire")
        ground.up(name, "--no-wire")
        shops = shop, ShopClient.of(name)
        for each in shops:
            warm_up.everywhere(each, say)
        return [
            compared("product", "product JSON, cache hit", "requests/s", products(seconds), shops, rounds, say, BUDGET),
            compared("checkout", "checkouts", "orders/s", checkouts(shop, orders), shops, rounds, say),
        ]


def compared(
    name: str,
    what: str,
    unit: str,
    rate: Rate,
    shops: tuple[ShopClient, ShopClient],
    rounds: int,
    say: Say,
    budget: Budget | None = None,
) -> Measurement:
    """The same rate of the shop with the wire and of the one without it."""
    wired, direct = shops
    return Measurement(
        name=f"wire_{name}",
        what=f"through the wire: {what}",
        unit=unit,
        beside="the same of a shop without it",
        budget=budget,
        rounds=in_turn(rounds, lambda: rate(wired), lambda: rate(direct), say, unit),
    )


def products(seconds: float) -> Rate:
    """Requests per second for a product that is in the cache."""
    path = f"/api/catalog/products/{product.SKU}"
    return lambda shop: product.rate(
        shop.url.removeprefix("http://"), path, seconds, processor.serving(shop, product.SERVERS)
    )


def checkouts(shop: ShopClient, orders: int) -> Rate:
    """Orders per second, of one piece each, over all products in turn."""
    lines = itertools.cycle([Line(p["sku"], p["name"], p["price_cents"]) for p in warm_up.products(shop)])
    return lambda shop: checkout.through_http(shop, list(itertools.islice(lines, orders)))
