"""Shoppers with a good memory: what the shop said yes to, and what of it the cart shows afterwards."""

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from labs.load_balancing.visitors import door


@dataclass(kw_only=True)
class Shopper:
    """One of them. `added` and `removed` are what the shop said yes to, `refused` counts when it said no; `missed` is
    how often it showed a cart in which something was not that it had said yes to.
    """

    cart: str = field(default_factory=lambda: uuid4().hex)
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    refused: int = 0
    missed: int = 0

    @property
    def wanted(self) -> set[str]:
        """What should be in the cart."""
        return self.added - self.removed


def add(url: str, shoppers: Sequence[Shopper], sku: str) -> None:
    """Everybody puts a piece into the cart."""
    with door(url) as shop:
        for shopper in shoppers:
            if _write(shop, shopper, "PUT", sku):
                shopper.added.add(sku)


def remove(url: str, shoppers: Sequence[Shopper], sku: str) -> None:
    """Everybody takes something out of the cart."""
    with door(url) as shop:
        for shopper in shoppers:
            if _write(shop, shopper, "DELETE", sku):
                shopper.removed.add(sku)


def look(url: str, shoppers: Sequence[Shopper]) -> tuple[int, int]:
    """Everybody looks into the cart: of all the additions that the shop said yes to, how many are not there, and of all
    the removals, how many were undone. Raises OSError when a cart is not shown.
    """
    lost = back = 0
    with door(url) as shop:
        for shopper in shoppers:
            shown = _ask(shop, shopper, "GET")
            if shown is None:
                raise OSError("a cart is not shown")
            lost += len(shopper.wanted - shown)
            back += len(shopper.removed & shown)
    return lost, back


def _write(shop: http.client.HTTPConnection, shopper: Shopper, method: str, sku: str) -> bool:
    shown = _ask(shop, shopper, method, f"/{sku}")
    if shown is None:
        shopper.refused += 1
        return False
    shopper.missed += bool(shopper.wanted - {sku} - shown)
    return True


def _ask(shop: http.client.HTTPConnection, shopper: Shopper, method: str, line: str = "") -> set[str] | None:
    """What is in the cart; None when the shop says that it cannot. Raises OSError for any other answer."""
    headers = {"Cookie": f"cart={shopper.cart}", "Content-Type": "application/json"}
    body = json.dumps({"quantity": 1}) if method == "PUT" else None
    shop.request(method, f"/api/cart/items{line}", body, headers)
    answer = shop.getresponse()
    text = answer.read()
    if answer.status == 503:
        return None
    if answer.status != 200:
        raise OSError(f"the cart answered {method} with {answer.status}: {text[:200]!r}")
    return {item["sku"] for item in json.loads(text)["items"]}
