"""What shoppers ask for. A mix is an endless, seeded stream of requests; products are wanted as unevenly as in life."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from random import Random
from uuid import uuid4

NETWORKS = 40
"""Shoppers come from 10.77.0.x to 10.77.39.x: nginx's ip_hash sees the first three octets only, so vary the third."""
ZIPF_EXPONENT = 0.9
WORDS = ("tea", "green", "cup", "black", "honey", "pot", "gift", "mint", "dark", "set")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request a shopper makes. `what` names its kind in samples and reports."""

    what: str
    path: str
    client: str
    method: str = "GET"
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


Mix = Callable[[Random, Sequence[str]], Iterator[Request]]


def zipf_weights(count: int, exponent: float = ZIPF_EXPONENT) -> list[float]:
    """The product of rank r is wanted in proportion to 1 / r**exponent (Zipf's law)."""
    return [1 / rank**exponent for rank in range(1, count + 1)]


def products(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Only product JSON: the cheapest read, so that what is measured is the way to it."""
    while True:
        yield _get("product", f"/api/catalog/products/{_wanted(random, skus)}", random)


def browse(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Looking around: product pages, product JSON, searches."""
    while True:
        yield _look(random, skus)


def checkout(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Buying one piece, spread evenly over the shelf so that a long run does not sell out one; `sale` does that."""
    while True:
        yield _buy(random, random.choice(skus))


def sale(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """The doors open: 80 % look, 12 % put into the cart, 8 % buy, and half of all that is about one hot item."""
    hot = skus[0]
    while True:
        dice, sku = random.random(), hot if random.random() < 0.5 else _wanted(random, skus)
        if dice < 0.80:
            yield _look(random, skus, sku)
        elif dice < 0.92:
            yield _put_into_cart(random, sku)
        else:
            yield _buy(random, sku)


MIXES: dict[str, Mix] = {"browse": browse, "checkout": checkout, "sale": sale, "products": products}


def _look(random: Random, skus: Sequence[str], sku: str | None = None) -> Request:
    dice, sku = random.random(), sku or _wanted(random, skus)
    if dice < 0.45:
        return _get("page", f"/products/{sku}", random)
    if dice < 0.85:
        return _get("product", f"/api/catalog/products/{sku}", random)
    return _get("search", f"/api/catalog/products?q={random.choice(WORDS)}", random)


def _get(what: str, path: str, random: Random) -> Request:
    return Request(what=what, path=path, client=_client(random))


def _put_into_cart(random: Random, sku: str) -> Request:
    cookie = {"Cookie": f"cart={random.getrandbits(128):032x}"}
    path, body = f"/api/cart/items/{sku}", {"quantity": random.randint(1, 3)}
    return Request(what="cart", method="PUT", path=path, body=body, client=_client(random), headers=cookie)


def _buy(random: Random, sku: str) -> Request:
    """The key is fresh whatever the seed: a repeated run is new shoppers, not the old ones clicking again."""
    body = {"items": [{"sku": sku, "quantity": 1}], "payment": {"token": "tok_ok"}}
    key = {"Idempotency-Key": str(uuid4())}
    return Request(what="checkout", method="POST", path="/api/orders", body=body, client=_client(random), headers=key)


def _client(random: Random) -> str:
    return f"10.77.{random.randrange(NETWORKS)}.{random.randint(1, 254)}"


def _wanted(random: Random, skus: Sequence[str]) -> str:
    return random.choices(skus, cum_weights=_cumulative(len(skus)))[0]


@cache
def _cumulative(count: int) -> list[float]:
    return list(accumulate(zipf_weights(count)))
