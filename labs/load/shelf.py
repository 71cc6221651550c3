"""One walk along the shelf after the other: every product exactly once, so that what is loaded can be counted."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from random import Random

from labs.load.request import Request, address


def shelf(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Product JSON, each product in the shop's order, then from the beginning again."""
    for sku in cycle(skus):
        yield Request(what="product", path=f"/api/catalog/products/{sku}", client=address(random))
