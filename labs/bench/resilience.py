"""What a request costs with the whole resilience layer, beside the same request without it.

The layer is deadlines, retry budget, breaker and bulkhead around every call, shedding in every replica, and the rate
limits. A product page asks others twice (the product, its stock), a checkout four times (a price; stock reserved, card
charged, stock kept); each comes from an address of its own, because what the shop's own machine sends is not limited.
Processor time is compared and not requests per second, of which neighbours on this machine change far more than this.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

from labs.bench import processor, warm_up
from labs.bench.checkout import settled
from labs.bench.closed_loop import drive, get
from labs.bench.measurement import Budget, Measurement, Sample, Say, in_turn
from labs.control.client import ShopClient

BUDGET = Budget(limit=1.15, of="ratio")
ROUNDS = 10
REQUESTS = 300
CONNECTIONS = 4
CALLS = ("deadlines", "retry_budget", "breaker", "bulkhead")
STORES = ("memcached-1", "memcached-2", "memcached-3")
ADDRESSES = (str(IPv4Address("10.0.0.1") + n) for n in itertools.count())
Requests = Callable[[str, Iterator[str]], Iterator[bytes]]
"""Of a gateway's address and of products without end: requests without end."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of request: who works on it, and what its part of the layer is set to when it is to be away."""

    name: str
    what: str
    services: Sequence[str]
    away: Mapping[str, bool | int | str]
    requests: Requests
    answer: int


def pages(address: str, skus: Iterator[str]) -> Iterator[bytes]:
    """Each a product's page."""
    return (get(address, f"/products/{sku}", X_Forwarded_For=who) for who, sku in zip(ADDRESSES, skus, strict=False))


def checkouts(address: str, skus: Iterator[str]) -> Iterator[bytes]:
    """Each one piece, with a card of the visitor's own."""
    for visitor, sku in zip(ADDRESSES, skus, strict=False):
        yield warm_up.order(address, sku, "tok_ok_" + visitor.replace(".", ""), X_Forwarded_For=visitor)


def away(caller: str, *shedders: str) -> Mapping[str, bool | int | str]:
    """Nothing protects this caller, nobody sheds, nobody counts addresses."""
    calls = dict.fromkeys((f"{caller}.{name}" for name in CALLS), False)
    return {**calls, **dict.fromkeys((f"{each}.shedding" for each in shedders), False), "gateway.rate_limits": "off"}


KINDS = (
    Kind(
        name="resilience_page",
        what="processor time for a product page, with the whole resilience layer",
        services=("gateway", "storefront", "catalog", "inventory", *STORES),
        away=away("storefront", "storefront", "catalog", "inventory"),
        requests=pages,
        answer=200,
    ),
    Kind(
        name="resilience_checkout",
        what="processor time for a checkout, with the whole resilience layer",
        services=("gateway", "orders", "catalog", "inventory", "payments", *STORES),
        away={**away("orders", "orders", "catalog", "inventory"), "orders.rate_limit": 0},
        requests=checkouts,
        answer=201,
    ),
)


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS, requests: int = REQUESTS) -> list[Measurement]:
    """Each kind in turn with its layer, as it is by default, and without."""
    return [_beside(shop, say, kind, rounds, requests) for kind in KINDS]


def _beside(shop: ShopClient, say: Say, kind: Kind, rounds: int, number: int) -> Measurement:
    skus = itertools.cycle([product["sku"] for product in warm_up.products(shop)])
    requests = kind.requests(shop.url.removeprefix("http://"), skus)
    servers = processor.serving(shop, kind.services)

    def send(layer: bool) -> Sample:
        switch(shop, kind, layer)
        return cost(shop, kind, list(itertools.islice(requests, number)), servers)

    with taken_back(shop, kind):
        send(True)  # every thread and every connection between has been used once
        taken = in_turn(rounds, lambda: send(True), lambda: send(False), lambda line: say(f"{kind.name}: {line}"), "µs")
    return Measurement(
        name=kind.name,
        what=kind.what,
        unit="µs",
        beside="without deadlines, retry budget, breaker, bulkhead, shedding and rate limits",
        budget=BUDGET,
        rounds=taken,
    )


@contextmanager
def taken_back(shop: ShopClient, kind: Kind) -> Iterator[None]:
    """Afterwards everything is on again."""
    try:
        yield
    finally:
        switch(shop, kind, True)


def switch(shop: ShopClient, kind: Kind, layer: bool) -> None:
    """All of it at once."""
    for flag, value in kind.away.items():
        shop.set_flag(flag, "default" if layer else value)


def cost(shop: ShopClient, kind: Kind, requests: Sequence[bytes], servers: Sequence[int]) -> Sample:
    """Microseconds of processor time a request, in the `servers`."""
    before = processor.seconds(servers)
    tally = drive(shop.url.removeprefix("http://"), CONNECTIONS, iter(requests))
    spent = processor.seconds(servers) - before
    rate = tally.rate(kind.answer)
    if kind.answer == 201:
        settled(shop)
    return Sample(1e6 * spent / len(requests), {"requests_per_s": round(rate)})
