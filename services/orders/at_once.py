"""The naive way to be quick: "your order is placed" first, and whether that is true later, behind the shopper's back.

    asked for ──► confirmed (shown at once) ──► done in the background: it was true, luckily
                                            └─► stock, payments or the card say no: cancelled, a promise taken back

The shopper's key is the order's id, as there is no order yet. Compare `checkout.py`: nothing is shown before it is paid
and written down.
"""

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from services.common import deadline
from services.common.deadline import Deadline
from services.common.errors import NotFound, ShopError, Unavailable
from services.common.telemetry import log
from services.orders.attempts import Attempt
from services.orders.checkout import Wanted
from services.orders.orders import Head, Order
from services.orders.rounds import Rounds


class Attempts(Protocol):
    """What clients tried; see `attempts.Attempts`."""

    def find(self, key: str) -> Attempt | None: ...


class Orders(Protocol):
    """Where orders are kept; see `orders.Orders`."""

    def find(self, order_id: str) -> Order: ...
    def of_key(self, key: str) -> Order: ...


class Checkout(Protocol):
    """The honest way; see `checkout.Checkout`."""

    def begin(self, key: str, wanted: Wanted, deadline: Deadline) -> Attempt: ...
    def check_out(self, key: str, wanted: Wanted) -> tuple[Order, bool]: ...


class Later(Protocol):
    """Threads of the background, as `ThreadPoolExecutor`."""

    def submit(self, work: Callable[..., object], /, *args: Any) -> object: ...


class AtOnce:
    """Checks out as `checkout` does, unless `eager()`: then it answers as soon as the wish is written down. `total_s`
    bounds that, and the giving up of what could not be bought.
    """

    def __init__(
        self,
        checkout: Checkout,
        attempts: Attempts,
        orders: Orders,
        rounds: Rounds,
        total_s: float,
        eager: Callable[[], bool],
        later: Later,
    ) -> None:
        self._checkout, self._attempts, self._orders, self._rounds = checkout, attempts, orders, rounds
        self._total_s, self._eager, self._later = total_s, eager, later

    def check_out(self, key: str, wanted: Wanted) -> tuple[Order, bool]:
        """See `Checkout`. Eager, it raises only what forbids to write the wish down."""
        if not self._eager():
            return self._checkout.check_out(key, wanted)
        attempt = self._checkout.begin(key, wanted, Deadline(self._total_s))
        self._later.submit(copy_context().run, self._see, attempt, wanted)
        return self._shown(attempt), True

    def find(self, order_id: str) -> Order:
        """An order by its id, or what was promised under the key that stands for one. Raises NotFound."""
        try:
            return self._orders.find(order_id)
        except NotFound:
            attempt = self._attempts.find(order_id) if self._eager() else None
            if attempt is None:
                raise
            return self._shown(attempt)

    def _shown(self, attempt: Attempt) -> Order:
        if attempt.state == "done":
            order = self._orders.of_key(attempt.key)
            return Order(replace(order.head, order_id=attempt.key), order.lines)
        status = "confirmed" if attempt.state == "pending" else "cancelled"
        return Order(Head(attempt.key, status, attempt.total_cents, datetime.now(UTC)), attempt.lines)

    def _see(self, attempt: Attempt, wanted: Wanted) -> None:
        """Try to make it true. Nobody is there to be told, and nobody waits."""
        deadline.forget()
        try:
            self._buy(attempt, wanted)
        except ShopError as error:
            log().warning("promise_not_kept", key=attempt.charge_key, error=error.detail)
        except Exception as error:
            log().error("promise_not_kept", key=attempt.charge_key, exc_info=error)

    def _buy(self, attempt: Attempt, wanted: Wanted) -> None:
        """What surely was not bought is given up at once."""
        try:
            self._checkout.check_out(attempt.key, wanted)
        except Unavailable:
            self._give_up(attempt)

    def _give_up(self, attempt: Attempt) -> None:
        try:
            self._rounds.give_up(attempt, "given_up", Deadline(self._total_s))
        except ShopError as error:
            log().warning("given_up_later", key=attempt.charge_key, error=error.detail)
