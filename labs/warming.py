"""Warming: read what will be wanted through the shop, before the doors open, so that the cache has it.

Whoever reads through the shop fills exactly the entries that shoppers will ask for. Nobody has to know how they are
made.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from urllib.request import urlopen

AT_ONCE = 4
"""Few: the database is as cold as the cache, and shoppers may be there already."""
WAIT_S = 10.0


class NotWarmed(Exception):
    """The shop does not say what it sells, so nothing was warmed."""


@dataclass(frozen=True, kw_only=True)
class Warmed:
    """How many products were read, how many could not be, and how long it took."""

    products: int
    failed: int
    seconds: float


def warm(url: str, top: int | None = None) -> Warmed:
    """Read the `top` most wanted products (all without it), and the lists they stand in. A product that fails is
    counted and stays cold. Raises NotWarmed.
    """
    began = time.monotonic()
    try:
        wanted = list(islice(most_wanted(url), top))
    except OSError as error:
        raise NotWarmed(f"{url} does not say what it sells: {error}") from error
    with ThreadPoolExecutor(AT_ONCE) as pool:
        came = list(pool.map(lambda sku: read(f"{url}/api/catalog/products/{sku}"), wanted))
    return Warmed(products=sum(came), failed=len(came) - sum(came), seconds=round(time.monotonic() - began, 2))


def read(address: str) -> bool:
    """Read one page or document through the shop, as shoppers do; whether it came."""
    try:
        with urlopen(address, timeout=WAIT_S) as answer:
            answer.read()
    except OSError:  # also an answer that is an error
        return False
    return True


def most_wanted(url: str) -> Iterator[str]:
    """Every product, in the shop's own order: what it puts first is wanted most. Raises OSError."""
    page, pages = 1, 1
    while page <= pages:
        with urlopen(f"{url}/api/catalog/products?page={page}", timeout=WAIT_S) as answer:
            shelf = json.load(answer)
        yield from (item["sku"] for item in shelf["items"])
        page, pages = page + 1, shelf["pages"]
