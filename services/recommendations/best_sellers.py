"""The best sellers: counted by orders, named and priced by the catalogue, the last known while they do not answer."""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Protocol

from services.common import deadline
from services.common.errors import NotFound, ShopError, Unavailable
from services.common.telemetry import DEGRADED
from services.recommendations.models import Recommendation

MOST = 12


class Asks(Protocol):
    """The part of `services.common.http.Peers` that is needed here."""

    def get(self, path: str, *, total_s: float | None = None) -> Any:
        """GET a JSON document. Raises ShopError."""


class BestSellers:
    """Asked in the background of a request, at most every `every_s`; meanwhile everybody gets the last known answer.

    Only while nothing is known does a caller wait, at most `first_wait_s`.
    """

    def __init__(
        self,
        peers: Asks,
        every_s: float = 5.0,
        first_wait_s: float = 0.5,
        optional_s: float = 0.15,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._peers, self._every_s, self._first_wait_s, self._clock = peers, every_s, first_wait_s, clock
        self._optional_s = optional_s
        self._known: list[Recommendation] = []
        self._due = 0.0
        self._asking = False
        self._lock = threading.Lock()
        self._refreshed = threading.Event()

    def top(self, limit: int) -> list[Recommendation]:
        """The best first. Raises Unavailable while neither orders nor the catalogue has ever answered."""
        if self._take_turn():
            threading.Thread(target=copy_context().run, args=(self._refresh,), daemon=True).start()
        if not self._known:
            self._refreshed.wait(self._first_wait_s)
        if not self._known:
            raise Unavailable("nothing is known about what others bought yet")
        return self._known[:limit]

    def _take_turn(self) -> bool:
        """True for one caller per period, unless the last one still asks; short periods while nothing is known."""
        with self._lock:
            if self._asking or self._clock() < self._due:
                return False
            self._asking = True
            self._due = self._clock() + (self._every_s if self._known else min(self._every_s, self._first_wait_s))
            self._refreshed.clear()
            return True

    def _refresh(self) -> None:
        """What sold, filled up with the first products of the catalogue while too few have."""
        deadline.forget()  # whoever asked first has an answer already, or gives up sooner than this may take
        try:
            sold = self._sold()
            if len(sold) < MOST:
                seen = {card.sku for card in sold}
                sold += [card for card in self._shelf() if card.sku not in seen]
            self._known = sold[:MOST]
        except ShopError:
            DEGRADED.labels("best_sellers_are_old").inc()
        finally:
            self._asking = False
            self._refreshed.set()

    def _sold(self) -> list[Recommendation]:
        """What orders counted; nothing when they do not answer and nothing better is known."""
        try:
            counts = self._peers.get(f"/internal/orders/best-sellers?limit={MOST}", total_s=0.5)["items"]
        except ShopError:
            if self._known:
                raise
            return []
        return [card for row in counts[:MOST] if (card := self._product(row["sku"]))]

    def _shelf(self) -> list[Recommendation]:
        shelf = self._peers.get("/api/catalog/products?page=1", total_s=0.5)["items"]
        return [Recommendation.model_validate(card) for card in shelf]

    def _product(self, sku: str) -> Recommendation | None:
        """As the catalogue has it now, as it was last known, or else not at all."""
        try:
            return Recommendation.model_validate(
                self._peers.get(f"/api/catalog/products/{sku}", total_s=self._optional_s)
            )
        except NotFound:
            return None
        except ShopError:
            return next((card for card in self._known if card.sku == sku), None)
