"""What shoppers ask for: the few kinds of requests, from whom they come, and which products are wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from random import Random
from uuid import uuid4

from labs.load.sample import BUYER

NETWORKS = 40
"""Shoppers come from 10.77.0.x to 10.77.39.x: nginx's ip_hash sees the first three octets only, so vary the third."""
BOT_ADDRESSES = tuple(f"10.66.{network}.7" for network in range(4))
"""Where programs come from: a few addresses in networks of their own."""
ZIPF_EXPONENT = 0.9
PLENTY = 150
"""Of so many products the shop has hundreds; behind them in its list is one of which it has twenty."""
WORDS = ("tea", "green", "cup", "black", "honey", "pot", "gift", "mint", "dark", "set")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. `what` names its kind in samples and reports, `kind` the kind of client, `client` its address.
    `body` is sent as JSON, `form` as a browser sends one. `then` tells what its client does after the answer, of which
    it gets the status (0: there was none) and the content.
    """

    what: str
    path: str
    client: str
    kind: str = BUYER
    method: str = "GET"
    body: object = None
    form: dict[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    then: "Callable[[int, bytes], Next] | None" = None


Next = tuple[float, Request] | None
"""In how many seconds after an answer which request follows; None: that was all."""


def put_into_cart(sku: str, quantity: int, client: str, cart: str) -> Request:
    """`cart` is the cookie that `new_cart` makes."""
    path, body = f"/api/cart/items/{sku}", {"quantity": quantity}
    return Request(what="cart", method="PUT", path=path, body=body, client=client, headers={"Cookie": cart})


def buy(sku: str, quantity: int, client: str, kind: str = BUYER, token: str = "tok_ok") -> Request:
    """The key is fresh whatever the seed: a repeated run is new shoppers, not the old ones clicking again."""
    body = {"items": [{"sku": sku, "quantity": quantity}], "payment": {"token": token}}
    key = {"Idempotency-Key": str(uuid4())}
    return Request(what="checkout", method="POST", path="/api/orders", body=body, client=client, kind=kind, headers=key)


def new_cart(random: Random) -> str:
    """A cookie with a cart that nobody else has."""
    return f"cart={random.getrandbits(128):032x}"


def address(random: Random) -> str:
    """Where a shopper comes from."""
    return f"10.77.{random.randrange(NETWORKS)}.{random.randint(1, 254)}"


def wanted(random: Random, skus: Sequence[str]) -> str:
    """A product, the first ones much more often than the last ones."""
    return random.choices(skus, cum_weights=_cumulative(len(skus)))[0]


def zipf_weights(count: int) -> list[float]:
    """The product of rank r is wanted in proportion to 1 / r**ZIPF_EXPONENT (Zipf's law)."""
    return [1 / rank**ZIPF_EXPONENT for rank in range(1, count + 1)]


@cache
def _cumulative(count: int) -> list[float]:
    return list(accumulate(zipf_weights(count)))
