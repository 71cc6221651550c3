"""Visitors who fill a cart and look again: a load generator sees that an answer came, they see if it is right."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from urllib.parse import urlsplit
from uuid import uuid4

OFFICE = "10.88.1.{}"
"""Half of the visitors sit behind one network: an office, a school, a mobile carrier."""
HOMES = "10.77.{}.7"
HOME_NETWORKS = 40
SKU = "tea-001"
PATIENCE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """One of them, with an address, a cart that nobody ever had, and how many pieces are wanted."""

    client: str
    cart: str
    pieces: int


def crowd(size: int) -> list[Visitor]:
    """So many visitors, every second one from the office, the others each from one of 40 networks in turn."""
    homes = (HOMES.format(number % HOME_NETWORKS) for number in range(size))
    addresses = (OFFICE.format(number % 250 + 1) if number % 2 else next(homes) for number in range(size))
    return [Visitor(client=client, cart=uuid4().hex, pieces=n % 9 + 1) for n, client in enumerate(addresses)]


def fill(url: str, visitors: Sequence[Visitor]) -> Counter[str]:
    """Everybody puts something into the cart; which replica took it from how many. Raises OSError when one cannot."""
    with door(url) as shop:
        return Counter(_ask(shop, visitor, "PUT", f"/{SKU}")[1] for visitor in visitors)


def wrong(url: str, visitors: Sequence[Visitor]) -> int:
    """Everybody looks into the cart, in another order than it was filled in; for how many it is not as they left it."""
    order = Random(len(visitors)).sample(visitors, len(visitors))
    with door(url) as shop:
        return sum(_ask(shop, v, "GET")[0] != [{"sku": SKU, "quantity": v.pieces}] for v in order)


@contextmanager
def door(url: str) -> Iterator[http.client.HTTPConnection]:
    """A connection to the gateway."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    try:
        yield connection
    finally:
        connection.close()


def _ask(
    shop: http.client.HTTPConnection, visitor: Visitor, method: str, line: str = ""
) -> tuple[list[dict[str, object]], str]:
    """What is in the cart, and which replica said so."""
    headers = {"X-Forwarded-For": visitor.client, "Cookie": f"cart={visitor.cart}", "Content-Type": "application/json"}
    body = json.dumps({"quantity": visitor.pieces}) if method == "PUT" else None
    shop.request(method, f"/api/cart/items{line}", body, headers)
    answer = shop.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise OSError(f"the cart answered {method} with {answer.status}: {text[:200]!r}")
    return json.loads(text)["items"], answer.headers["X-Served-By"]
