"""Pages as browsers load them: a product's page, and a moment later the strip that it left out."""

from collections.abc import Iterator, Sequence
from random import Random

from labs.load.request import PLENTY, WORDS, Request, address, new_cart, wanted
from labs.load.shoppers import Step, Visit
from labs.load.tiers import pay

LOOK, SEARCH, FILL = 0.70, 0.10, 0.10
"""Of all visitors; the rest pays."""
LAZY_S = 0.1
"""How long a browser takes until it asks for what stands below."""


def views(random: Random, skus: Sequence[str]) -> Iterator[Visit]:
    """One visitor after the other, who does one thing: 70 % look at a product, 10 % each search, put something into
    the basket, or send the checkout form.
    """
    while True:
        yield tuple(_visit(random, skus))


def _visit(random: Random, skus: Sequence[str]) -> Iterator[Step]:
    dice, client = random.random(), address(random)
    if dice < LOOK:
        yield Step(0.0, Request(what="page", path=f"/products/{wanted(random, skus)}", client=client))
        yield Step(LAZY_S, Request(what="strip", path="/fragments/recommendations", client=client))
    elif dice < LOOK + SEARCH:
        yield Step(0.0, Request(what="search", path=f"/?q={random.choice(WORDS)}", client=client))
    elif dice < LOOK + SEARCH + FILL:
        yield Step(0.0, _fill(wanted(random, skus), client, new_cart(random)))
    else:
        yield Step(0.0, pay(random.choice(skus[:PLENTY]), client))


def _fill(sku: str, client: str, cart: str) -> Request:
    form, headers = {"sku": sku, "quantity": "1"}, {"Cookie": cart}
    return Request(what="basket", method="POST", path="/cart/items", form=form, client=client, headers=headers)
