"""A crowd in front of the storefront: some pay, most look around, and every page asks for extras."""

from collections.abc import Iterator, Sequence
from random import Random
from uuid import uuid4

from labs.load.request import PLENTY, Request, address, wanted

PAY, LOOK = 0.10, 0.50
"""Of all requests; the rest asks for what others like. Who pays takes what there is plenty of."""


def tiers(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Requests of all three tiers, named after them: 10 % send the checkout form, 50 % load a product's page, 40 % the
    fragment with recommendations.
    """
    while True:
        dice, client = random.random(), address(random)
        if dice < PAY:
            yield pay(random.choice(skus[:PLENTY]), client)
        elif dice < PAY + LOOK:
            yield Request(what="browse", path=f"/products/{wanted(random, skus)}", client=client)
        else:
            yield Request(what="extras", path="/fragments/recommendations", client=client)


def pay(sku: str, client: str) -> Request:
    """The checkout form as the storefront renders it; the key is fresh whatever the seed, as in `request.buy`."""
    form = {"key": uuid4().hex, "token": "tok_ok", "item": f"{sku}:1"}
    return Request(what="pay", method="POST", path="/checkout", form=form, client=client)
