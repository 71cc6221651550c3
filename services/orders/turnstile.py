"""How often one shopper, and one card, may try to check out: a program that tries stolen cards, or takes the stock for
its owner, tries far more often than anybody who buys tea.

    a shopper   the cart's cookie, or without one the address: many cards tried by one
    a card      by its token: one card tried by many, from whatever addresses

Whoever invents a new cookie each time is not held back by the first, but by the gateway (the address) and the second.
Not counted: the shop's own machine without a cart (control, tests, benches), and the demo's two cards, which all share.
"""

from collections.abc import Callable, Sequence

from services.common.memcached import Node
from services.common.rate_limit import Rate, RateLimit

SHARED = frozenset(("tok_ok", "tok_declined"))
WINDOW_S = 60.0


class Turnstile:
    """`most` tells how many checkouts a minute are let through for each shopper, and for each card; 0: any number."""

    def __init__(self, nodes: Sequence[Node], most: Callable[[], float]) -> None:
        rate = lambda: Rate(most(), WINDOW_S)  # noqa: E731
        self._shoppers, self._cards = RateLimit("shopper", nodes, rate), RateLimit("card", nodes, rate)

    def admit(self, shopper: str, token: str) -> None:
        """Once more. Raises TooOften."""
        if shopper:
            self._shoppers.admit(shopper)
        if token not in SHARED:
            self._cards.admit(token)
