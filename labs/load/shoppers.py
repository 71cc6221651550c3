"""People: who come, look, put something into the cart, think in between, and some of whom buy.

Open loop inside a visit too: it is drawn whole when its shopper arrives, and each request is due a think time after the
one before was *due*, not after that was answered. It is sent then, whatever became of the one before: a slow shop is
asked as much as a fast one, and by what it is late counts as latency. (A user who thinks after each answer asks less of
a slow shop: half open, half closed. Schroeder, Wierman, Harchol-Balter: Open Versus Closed, NSDI 2006.)
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from labs.load.request import WORDS, Request, address, buy, new_cart, put_into_cart, wanted

THINK_S = 1.0
"""Think times are exponential and cut at ten times the mean, as in TPC-W 1.8, but seven times as fast as there."""
JUST_LOOKS = 0.4
"""The share that leaves without touching the cart."""
ABANDONS = 0.7
"""The share of carts that are left behind: about what shops report (Baymard Institute, mean of some 50 studies)."""
DOUBLE_CLICKS = 0.1
"""The share of buyers whose order is sent twice at once, under the same key."""


class Step(NamedTuple):
    """A request and when it is due: seconds after the visit's beginning (in a plan: after the load's)."""

    at_s: float
    request: Request


Visit = Sequence[Step]


def shoppers(random: Random, skus: Sequence[str]) -> Iterator[Visit]:
    """One visit after the other: home, search, one to three product pages; then perhaps the cart; then perhaps buying.

    A shopper keeps address and cart for the whole visit.
    """
    while True:
        yield tuple(_visit(random, skus))


def _visit(random: Random, skus: Sequence[str]) -> Iterator[Step]:
    at_s = 0.0
    for clicks in _walk(random, skus):
        yield from (Step(at_s, click) for click in clicks)
        at_s += think(random)


def think(random: Random) -> float:
    """Seconds between two steps."""
    return min(random.expovariate(1 / THINK_S), 10 * THINK_S)


def _walk(random: Random, skus: Sequence[str]) -> Iterator[list[Request]]:
    """What a shopper does, step by step; two requests in one step are a double click."""
    client, cart = address(random), new_cart(random)
    seen = [wanted(random, skus) for _ in range(random.randint(1, 3))]
    looks = [("home", "/"), ("search", f"/?q={random.choice(WORDS)}"), *(("page", f"/products/{sku}") for sku in seen)]
    for what, path in looks:
        yield [Request(what=what, path=path, client=client, headers={"Cookie": cart})]
    if random.random() < JUST_LOOKS:
        return
    yield [put_into_cart(seen[-1], 1, client, cart)]
    if random.random() < ABANDONS:
        return
    yield [buy(seen[-1], 1, client)] * (2 if random.random() < DOUBLE_CLICKS else 1)
