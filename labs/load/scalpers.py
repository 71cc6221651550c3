"""The sale of a rare item: fans, who want one each, and scalpers' programs, who want all of it and never sleep."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from random import Random

from labs.load.request import BOT_ADDRESSES, WORDS, Request, address, buy
from labs.load.sample import BOT, BUYER
from labs.load.shoppers import Step, Visit

ITEM = "pot-020"
THINK_S = 0.5
"""Between a fan's steps, evenly: a short visit, so that most end within a short load."""
GRAB = 3
"""Pieces that a scalper takes at once."""
CARD = "tok_ok_scalper"
"""One card pays for all of it."""
SEARCHES, BUYS = 3, 1
"""In four of a scalper's requests."""
SCALPERS_FOR_A_FAN = 6


def fans(random: Random, skus: Sequence[str]) -> Iterator[Visit]:
    """Visits of four requests: a search, the item twice, and one piece of it for whoever they are."""
    while True:
        yield _visit(random)


def scalpers(random: Random, skus: Sequence[str]) -> Iterator[Visit]:
    """Fans, and for each of them six requests of programs at four addresses: searches, and grabs of three pieces."""
    people, programs = fans(random, skus), _grabs(random)
    while True:
        yield next(people)
        for _ in range(SCALPERS_FOR_A_FAN):
            yield (Step(0.0, next(programs)),)


def _visit(random: Random) -> Visit:
    client = address(random)
    look = Request(what="look", path=f"/api/catalog/products/{ITEM}", client=client)
    return (
        Step(0.0, _search(random, random.choice(WORDS), client)),
        Step(THINK_S, look),
        Step(2 * THINK_S, look),
        Step(3 * THINK_S, buy(ITEM, 1, client)),
    )


def _grabs(random: Random) -> Iterator[Request]:
    for client in cycle(BOT_ADDRESSES):
        if random.random() < SEARCHES / (SEARCHES + BUYS):
            yield _search(random, ITEM, client, BOT)
        else:
            yield buy(ITEM, GRAB, client, BOT, CARD)


def _search(random: Random, word: str, client: str, kind: str = BUYER) -> Request:
    """With a second word that nobody has searched for lately, so that no cache answers."""
    path = f"/api/catalog/products?q={word}+{random.getrandbits(48):x}"
    return Request(what="search", path=path, client=client, kind=kind)
