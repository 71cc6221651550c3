"""Checking out: one key, one order, one charge, however often it is asked for and wherever it breaks."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.common.deadline import Deadline
from services.common.errors import Declined, Invalid, TimedOut, Unavailable
from services.orders.attempts import Attempt, PricedLine
from services.orders.intake import WarehouseFull
from services.orders.orders import Order
from services.orders.rounds import GIVEN_UP, Rounds

RETRY = "not confirmed: ask again with the same Idempotency-Key, it can become one order only"


@dataclass(frozen=True)
class Wanted:
    """What a client asks for: pairs of sku and quantity, each sku once, and how it pays; never stored or logged. Who
    orders the item of a sale shows an admission.
    """

    items: Sequence[tuple[str, int]]
    token: str
    admission: str = ""

    @property
    def fingerprint(self) -> str:
        """Equal for equal wishes; the token cannot be read from it."""
        return hashlib.sha256(json.dumps([sorted(self.items), self.token]).encode()).hexdigest()


class Attempts(Protocol):
    """What this use case needs; see `attempts.Attempts`."""

    def find(self, key: str) -> Attempt | None: ...
    def open(self, key: str, fingerprint: str, lines: Sequence[PricedLine], admission: str | None) -> Attempt: ...
    def resume(self, attempt: Attempt) -> None: ...
    def next_round(self, attempt: Attempt, admission: str | None) -> Attempt: ...


class Orders(Protocol):
    """Where orders are kept; see `orders.Orders`."""

    def of_key(self, key: str) -> Order: ...


class Catalog(Protocol):
    """Who knows the prices; see `peers.Catalog`."""

    def price(self, sku: str, quantity: int, total_s: float) -> PricedLine: ...


class Door(Protocol):
    """Who says whether somebody may order this; see `door.Door`."""

    def admit(self, items: Sequence[tuple[str, int]], admission: str) -> str | None: ...


class Intake(Protocol):
    """Who says whether more may be ordered; see `intake.Intake`."""

    def admit(self) -> None: ...


class Handover(Protocol):
    """What is left to do for an order; see `handover.Handover`."""

    def finish(self, order: Order, deadline: Deadline) -> Order: ...


class Checkout:
    """The order path. `total_s` bounds a whole checkout; what is not finished then is finished on a retry or by the
    reconciler.
    """

    def __init__(
        self,
        attempts: Attempts,
        orders: Orders,
        catalog: Catalog,
        rounds: Rounds,
        door: Door,
        intake: Intake,
        handover: Handover,
        total_s: float,
        peer_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._attempts, self._orders, self._catalog = attempts, orders, catalog
        self._rounds, self._door, self._intake, self._handover = rounds, door, intake, handover
        self._total_s, self._peer_s, self._clock = total_s, peer_s, clock

    def check_out(self, key: str, wanted: Wanted) -> tuple[Order, bool]:
        """The order made under this key; tells whether this very request made it.

        Raises Invalid (another body, unknown product), NotAdmitted, TooMany, WarehouseFull, OutOfStock, Declined;
        Unavailable or TimedOut: ask again.
        """
        deadline = Deadline(self._total_s, self._clock)
        try:
            attempt = self.begin(key, wanted, deadline)
            if attempt.state == "done":
                return self._orders.of_key(key), False
            return self._run(self._take_up(attempt, wanted, deadline), wanted.token, deadline)
        except WarehouseFull:
            raise
        except (Unavailable, TimedOut) as error:
            told = {name: error.extra[name] for name in ("by", "retry_after_s") if name in error.extra}
            raise type(error)(RETRY, reason=error.detail, **told) from error

    def begin(self, key: str, wanted: Wanted, deadline: Deadline) -> Attempt:
        """The attempt under this key, written down if there is none yet. Raises Invalid, NotAdmitted, TooMany,
        WarehouseFull, ShopError.
        """
        attempt = self._attempts.find(key) or self._open(key, wanted, deadline)
        if attempt.fingerprint != wanted.fingerprint:
            raise Invalid("this Idempotency-Key was used for another order")
        return attempt

    def _open(self, key: str, wanted: Wanted, deadline: Deadline) -> Attempt:
        admission = self._let_in(wanted)
        lines = [
            self._catalog.price(sku, quantity, deadline.within(self._peer_s)) for sku, quantity in sorted(wanted.items)
        ]
        return self._attempts.open(key, wanted.fingerprint, lines, admission)

    def _let_in(self, wanted: Wanted) -> str | None:
        """Asked before every round, not only the first; the admission. Raises NotAdmitted, TooMany,
        WarehouseFull.
        """
        admission = self._door.admit(wanted.items, wanted.admission)
        self._intake.admit()
        return admission

    def _take_up(self, attempt: Attempt, wanted: Wanted, deadline: Deadline) -> Attempt:
        """The attempt in a round that may succeed: the running one, or the next after a failure."""
        if attempt.state == "pending":
            self._attempts.resume(attempt)
            return attempt
        if attempt.state == "failing":
            self._rounds.undo(attempt, deadline)
        if attempt.failure == "declined":
            raise Declined("the card was declined")
        return self._attempts.next_round(attempt, self._let_in(wanted))

    def _run(self, attempt: Attempt, token: str, deadline: Deadline) -> tuple[Order, bool]:
        self._rounds.reserve(attempt, deadline)
        self._rounds.charge(attempt, token, deadline)
        try:
            self._rounds.keep(attempt, deadline)
            order, new = self._rounds.place(attempt, deadline)
            return self._handover.finish(order, deadline), new
        except Unavailable as error:
            if error.detail == GIVEN_UP:
                raise
            raise TimedOut(error.detail) from error  # the money was taken: the order may still come
