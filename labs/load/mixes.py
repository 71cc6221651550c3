"""Who comes to the shop, as endless, seeded streams: of single requests, or of whole visits (`labs.load.shoppers`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from labs.load.line import line
from labs.load.request import BOT_ADDRESSES, PLENTY, WORDS, Request, address, buy, new_cart, put_into_cart, wanted
from labs.load.sample import BOT
from labs.load.scalpers import fans, scalpers
from labs.load.shelf import shelf
from labs.load.shoppers import Step, Visit, shoppers
from labs.load.tiers import tiers
from labs.load.twice import twice
from labs.load.views import views

Mix = Callable[[Random, Sequence[str]], Iterator[Visit]]
"""Draws visitors to a shop with these products, the most wanted one first."""

BOT_SHARE = 0.4
HOT = 3


def products(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Only product JSON: the cheapest read, so that what is measured is the way to it."""
    while True:
        yield Request(what="product", path=f"/api/catalog/products/{wanted(random, skus)}", client=address(random))


def hot_key(random: Random, skus: Sequence[str], sku: str, share: float) -> Iterator[Request]:
    """The same, but `share` of it (0 to 1) wants one product."""
    for other in products(random, skus):
        yield replace(other, path=f"/api/catalog/products/{sku}") if random.random() < share else other


def hot_item(random: Random, sku: str) -> Iterator[Request]:
    """Buying one piece of one product."""
    while True:
        yield buy(sku, 1, address(random))


def stock(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Only how many pieces are left: a read that no cache answers, so each one needs the database."""
    while True:
        yield Request(what="stock", path=f"/api/inventory/{wanted(random, skus)}", client=address(random))


def browse(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Looking around: product pages, product JSON, searches."""
    while True:
        yield _look(random, wanted(random, skus))


def pages(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Product pages, as browsers ask for them: the storefront asks the other services."""
    while True:
        yield Request(what="page", path=f"/products/{wanted(random, skus)}", client=address(random))


def checkout(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Buying one piece, spread evenly over the shelf without its rare end, so that many runs do not sell out one
    product; `sale` does that.
    """
    while True:
        yield buy(random.choice(skus[:PLENTY]), 1, address(random))


def desk(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Half buy, half ask how an order is, under a mistyped number, so that none need exist. Drawn and not in turn:
    round robin over two replicas would send all buyers to one of them.
    """
    for buyer in checkout(random, skus):
        asks = Request(what="order", path=f"/api/orders/{random.getrandbits(128):032x}", client=address(random))
        yield random.choice((buyer, asks))


def sale(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """The doors open: 80 % look, 12 % put into the cart, 8 % buy, and half of all that is about one hot item."""
    while True:
        dice, sku = random.random(), skus[0] if random.random() < 0.5 else wanted(random, skus)
        if dice < 0.80:
            yield _look(random, sku)
        elif dice < 0.92:
            yield put_into_cart(sku, random.randint(1, 3), address(random), new_cart(random))
        else:
            yield buy(sku, 1, address(random))


def bots(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """Resellers' programs at four addresses, who want nothing but the hottest items: 70 % ask whether a piece is there,
    10 % search for it, 20 % try to buy three at once.
    """
    while True:
        dice, sku, client = random.random(), random.choice(skus[:HOT]), random.choice(BOT_ADDRESSES)
        if dice < 0.70:
            yield Request(what="product", path=f"/api/catalog/products/{sku}", client=client, kind=BOT)
        elif dice < 0.80:
            yield Request(what="search", path=f"/api/catalog/products?q={sku}", client=client, kind=BOT)
        else:
            yield buy(sku, 3, client, kind=BOT)


def rush(random: Random, skus: Sequence[str]) -> Iterator[Request]:
    """`sale`, but 40 % of all requests are from `bots`: who gets the hot item?"""
    buyers, programs = sale(random, skus), bots(random, skus)
    while True:
        yield next(programs if random.random() < BOT_SHARE else buyers)


def one_each(requests: Callable[[Random, Sequence[str]], Iterator[Request]]) -> Mix:
    """Visitors who make a single request each: the rate of arrivals is the rate of requests."""
    return lambda random, skus: ((Step(0.0, request),) for request in requests(random, skus))


def buyers_twice(random: Random, skus: Sequence[str]) -> Iterator[Visit]:
    """`checkout`, and every order is sent twice."""
    return twice(random, skus[:PLENTY])


MIXES: dict[str, Mix] = {
    "browse": one_each(browse),
    "products": one_each(products),
    "stock": one_each(stock),
    "shelf": one_each(shelf),
    "pages": one_each(pages),
    "checkout": one_each(checkout),
    "desk": one_each(desk),
    "tiers": one_each(tiers),
    "twice": buyers_twice,
    "sale": one_each(sale),
    "shoppers": shoppers,
    "views": views,
    "bots": one_each(bots),
    "rush": one_each(rush),
    "fans": fans,
    "scalpers": scalpers,
}

HOT_ITEM = "hot_item:{sku}"
"""Also a mix: every visitor buys one piece of this, and nothing else."""
HOT_KEY = "hot_key:{sku}:{percent:g}"
"""Also a mix: `products`, but so many percent of it want the same one."""
LINE = "line:{sku}"
"""Also a mix: everybody wants one piece of this, and waits in line for it where there is one."""
FORMS = ("line:SKU", "hot_item:SKU", "hot_key:SKU:PERCENT")
"""These three as one types them."""


def find(name: str) -> Mix:
    """The mix of that name. Raises ValueError."""
    if name in MIXES:
        return MIXES[name]
    match name.split(":"):
        case ["hot_item", sku]:
            return one_each(lambda random, _skus: hot_item(random, sku))
        case ["line", sku]:
            return lambda random, _skus: line(random, sku)
        case ["hot_key", sku, percent]:
            share = float(percent) / 100
            return one_each(lambda random, skus: hot_key(random, skus, sku, share))
    raise ValueError(f"unknown mix {name!r}: one of {', '.join((*MIXES, *FORMS))}")


def plan(mix: str, arrivals: Sequence[float], duration_s: float, seed: int, skus: Sequence[str]) -> list[Step]:
    """Every request of a load with the second at which it is due, in order, before the first one is sent.

    What visitors would do after the load's end is left out: the last to come are still looking around then.
    """
    visits = find(mix)(Random(seed), skus)
    steps = [Step(at + step.at_s, step.request) for at, visit in zip(arrivals, visits, strict=False) for step in visit]
    return sorted((step for step in steps if step.at_s < duration_s), key=lambda step: step.at_s)


def _look(random: Random, sku: str) -> Request:
    dice, client = random.random(), address(random)
    if dice < 0.45:
        return Request(what="page", path=f"/products/{sku}", client=client)
    if dice < 0.85:
        return Request(what="product", path=f"/api/catalog/products/{sku}", client=client)
    return Request(what="search", path=f"/api/catalog/products?q={random.choice(WORDS)}", client=client)
