"""Who may order the item of a sale: who shows an admission from its waiting room, one piece of it, once.

Nothing is asked about items that are not on sale. A key whose order is under way or done needs no admission to be sent
again; after a failure it is asked for one as everybody is. The admission is written down with the order's attempt, and
a unique index lets it stand in one that has not failed.
"""

import time
from collections.abc import Callable, Sequence

from services.common.errors import Forbidden
from services.common.papers import Forged, Papers, sku_of


class NotAdmitted(Forbidden):
    """This item is sold to those whose turn it is. `waiting_room` is where one stands in line, `why` is none, forged,
    expired, another-sale or used.
    """

    kind = "not-admitted"

    def __init__(self, sku: str, why: str, detail: str) -> None:
        super().__init__(f"{detail}: go to /sale/{sku} and wait for your turn", why=why, waiting_room=f"/sale/{sku}")


class TooMany(Forbidden):
    """An admission is for one piece: all others in line want one, too. `why` is too-many."""

    kind = "too-many"

    def __init__(self, pieces: int) -> None:
        super().__init__(f"who has waited for it may order one piece of this item, not {pieces}", why="too-many")


def used(admission: str) -> NotAdmitted:
    """What is said about an admission, as `Door.admit` returns it, that stands in another attempt."""
    return NotAdmitted(sku_of(admission), "used", "this admission was used for another order")


class Door:
    """`sale()` names the sale that needs admissions, empty for none."""

    def __init__(self, papers: Papers, sale: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._papers, self._sale, self._clock = papers, sale, clock

    def admit(self, items: Sequence[tuple[str, int]], admission: str) -> str | None:
        """What the admission is to be remembered by; None when none is needed. Raises NotAdmitted, TooMany."""
        sale = self._sale()
        sku = sku_of(sale)
        pieces = dict(items).get(sku, 0)
        if not pieces:
            return None
        if not admission:
            raise NotAdmitted(sku, "none", "this item is sold to those whose turn it is")
        try:
            paper = self._papers.read("admission", admission)
        except Forged:
            raise NotAdmitted(sku, "forged", "this admission is not one of ours") from None
        if paper.sale != sale:
            raise NotAdmitted(sku, "another-sale", "this admission is for another sale")
        if paper.until_s < self._clock():
            raise NotAdmitted(sku, "expired", "this admission has expired")
        if pieces > 1:
            raise TooMany(pieces)
        return f"{paper.sale}.{paper.number}.{paper.holder}"
