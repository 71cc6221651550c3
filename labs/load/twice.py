"""Buyers who send every order twice, under the same key: a double click, or a second try after a few seconds."""

from collections.abc import Iterator, Sequence
from random import Random

from labs.load.request import address, buy
from labs.load.shoppers import Step, Visit

TRY_AGAIN_S = 3.0
"""Longer than the shop waits for payments, so that whoever was told "perhaps" asks what became of it."""


def twice(random: Random, skus: Sequence[str]) -> Iterator[Visit]:
    """One piece of anything; every other buyer clicks twice at once, the others try again later."""
    while True:
        for later_s in (0.0, TRY_AGAIN_S):
            order = buy(random.choice(skus), 1, address(random))
            yield Step(0.0, order), Step(later_s, order)
