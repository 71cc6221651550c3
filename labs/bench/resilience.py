"""What a page costs with deadlines, retry budget, breaker and bulkhead around every call, beside the same without them.

A page of the storefront does little itself and asks others three times: nowhere else do these cost a larger share.
Processor time is compared and not pages per second, of which neighbours on this machine change far more than this.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from labs.bench import processor
from labs.bench.closed_loop import drive, for_seconds, get
from labs.bench.measurement import Budget, Measurement, Sample, Say, in_turn
from labs.control.client import ShopClient

PAGE = "/products/tea-001"
ROUNDS = 7
SECONDS = 1.5
CONNECTIONS = 4
SWITCHES = ("deadlines", "retry_budget", "breaker", "bulkhead")
BUDGET = Budget(limit=1.15, of="ratio")


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS, seconds: float = SECONDS) -> list[Measurement]:
    """The same pages in turn with everything switched on, as it is by default, and off."""
    servers = [part["pid"] for part in shop.status() if part["service"] == "storefront"]
    with taken_back(shop):
        pages(shop, True, 1.0, servers)
        taken = in_turn(
            rounds,
            lambda: pages(shop, True, seconds, servers),
            lambda: pages(shop, False, seconds, servers),
            say,
            "µs a page",
        )
    return [
        Measurement(
            name="resilience",
            what="processor time of the storefront for a product page, every call protected",
            unit="µs",
            beside="the same pages without deadlines, retry budgets, breakers and bulkheads",
            budget=BUDGET,
            rounds=taken,
        )
    ]


@contextmanager
def taken_back(shop: ShopClient) -> Iterator[None]:
    """Afterwards everything is on again."""
    try:
        yield
    finally:
        switch(shop, "default")


def switch(shop: ShopClient, value: bool | str) -> None:
    """All at once."""
    for name in SWITCHES:
        shop.set_flag(f"storefront.{name}", value)


def pages(shop: ShopClient, protected: bool, seconds: float, servers: Sequence[int]) -> Sample:
    """Microseconds of the storefront's processor time a page."""
    switch(shop, protected)
    address, before = shop.url.removeprefix("http://"), processor.seconds(servers)
    tally = drive(address, CONNECTIONS, for_seconds(get(address, PAGE), seconds))
    spent = processor.seconds(servers) - before
    return Sample(1e6 * spent / tally.statuses[200], {"pages_per_s": round(tally.rate(200))})
