"""What is left of the sale's item, asked once a second whatever the crowd does. While inventory is away, what was known
last goes on.

Sold out is said when the last piece is paid for. Until then a piece that is only held may come back: a card is
declined, somebody gives up.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from services.common.errors import ShopError
from services.common.http import Peers
from services.waiting_room.sales import Sale

ASK_S = 0.8


class Seen(NamedTuple):
    """Of one sale: pieces left, and those that are held for buyers who have not paid yet."""

    sale_id: str = ""
    left: int = 0
    held: int = 0


class Stock:
    """`sale()` says whose item to ask about."""

    def __init__(self, peers: Peers, sale: Callable[[], Sale | None]) -> None:
        self._peers, self._sale = peers, sale
        self._seen = Seen()

    def look(self) -> None:
        """Ask inventory."""
        if sale := self._sale():
            with suppress(ShopError):
                found = self._peers.get(f"/api/inventory/{sale.sku}", total_s=ASK_S)
                self._seen = Seen(sale.sale_id, int(found["left"]), int(found["reserved"]))

    def left(self, sale: Sale) -> int | None:
        """Pieces nobody has taken; None when not known yet."""
        seen = self._seen
        return max(0, seen.left) if seen.sale_id == sale.sale_id else None

    def gone(self, sale: Sale) -> bool:
        """Is every piece paid for?"""
        seen = self._seen
        return seen.sale_id == sale.sale_id and seen.left <= 0 and seen.held <= 0
