"""The steps of one round of an attempt, used by the request that makes it and by the reconciler that finishes it.

Every step is idempotent, so no lock is held over a call and anybody may repeat any step at any time:

    reserve ──► charge ──► keep (held becomes sold) ──► place (one transaction)

Stock is kept before the order is placed: afterwards no expiry can take back what an order was promised.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Counter

from services.common.deadline import Deadline
from services.common.errors import Conflict, Declined, NotFound, ShopError, TimedOut, Unavailable
from services.orders.attempts import Attempt, PricedLine
from services.orders.door import NotAdmitted
from services.orders.orders import Order

ROUNDS = Counter("shop_order_rounds_total", "Rounds that ended", ["outcome"])
GIVEN_UP = "this try was given up, nothing was charged for it"


class OutOfStock(Conflict):
    """There is not enough of something; nothing was charged, or it was given back."""

    kind = "out-of-stock"


class Attempts(Protocol):
    """Where rounds are decided; see `attempts.Attempts`."""

    def find(self, key: str) -> Attempt | None: ...
    def fail(self, attempt: Attempt, failure: str) -> bool: ...
    def give_up(self, attempt: Attempt, failure: str) -> bool: ...
    def close(self, attempt: Attempt) -> bool: ...


class Orders(Protocol):
    """Where orders are kept; see `orders.Orders`."""

    def place(self, attempt: Attempt, order_id: str, promise_s: float | None) -> Order | None: ...
    def of_key(self, key: str) -> Order: ...


class Inventory(Protocol):
    """Who keeps the stock; see `peers.Inventory`."""

    def reserve(self, key: str, lines: Sequence[PricedLine], total_s: float) -> None: ...
    def commit(self, key: str, total_s: float) -> None: ...
    def release(self, key: str, total_s: float) -> None: ...


class Payments(Protocol):
    """Who takes the money; see `peers.Payments`."""

    def charge(self, key: str, amount_cents: int, token: str, total_s: float) -> None: ...
    def state(self, key: str, total_s: float) -> str: ...
    def refund(self, key: str, total_s: float) -> None: ...


@dataclass(frozen=True)
class Bounds:
    """Seconds that one call may take."""

    peer_s: float = 1.5
    payment_s: float = 2.0


class Rounds:
    """One round, step by step. `id_of` a client's key is what its order is called; see `ids`."""

    def __init__(
        self,
        attempts: Attempts,
        orders: Orders,
        inventory: Inventory,
        payments: Payments,
        bounds: Bounds,
        id_of: Callable[[str], str],
        promise: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._attempts, self._orders = attempts, orders
        self._inventory, self._payments = inventory, payments
        self._bounds, self._id_of, self._promise = bounds, id_of, promise

    def reserve(self, attempt: Attempt, deadline: Deadline) -> None:
        """Hold the stock. Raises OutOfStock (the round is over), Unavailable when others gave the round up."""
        try:
            self._inventory.reserve(attempt.charge_key, attempt.lines, deadline.within(self._bounds.peer_s))
        except Conflict as error:
            state = error.extra.get("state")
            if state == "released":
                raise Unavailable(GIVEN_UP) from error
            self._sold_out(attempt, state != "refused", deadline)
            raise OutOfStock(error.detail, sku=error.extra.get("sku", "")) from error

    def charge(self, attempt: Attempt, token: str, deadline: Deadline) -> None:
        """Take the money. Raises Declined (the round is over), Unavailable when others gave the round up."""
        bound_s = deadline.within(self._bounds.payment_s)
        try:
            self._payments.charge(attempt.charge_key, attempt.total_cents, token, bound_s)
        except Declined:
            self.decline(attempt, deadline)
            raise
        except Conflict as error:
            raise Unavailable(GIVEN_UP) from error

    def decline(self, attempt: Attempt, deadline: Deadline) -> None:
        """The card was refused for good. The stock is given back at once if possible; if not, it expires."""
        self._end(attempt, "declined")
        with suppress(ShopError):
            self._inventory.release(attempt.charge_key, deadline.within(self._bounds.peer_s))

    def keep(self, attempt: Attempt, deadline: Deadline) -> None:
        """What was held is sold, also when it had expired, or was lost with a primary, and there is still enough of it.

        Raises OutOfStock (the round is over, the money was given back), Unavailable when others gave the round up.
        """
        try:
            self._inventory.commit(attempt.charge_key, deadline.within(self._bounds.peer_s))
        except (Conflict, NotFound):
            self.reserve(attempt, deadline)
            self._commit_again(attempt, deadline)

    def place(self, attempt: Attempt, deadline: Deadline) -> tuple[Order, bool]:
        """Make the order, or find the one that was made meanwhile; by another round: then this one's money is given
        back. Tells whether this call made it.

        Raises Unavailable when others gave the round up, NotAdmitted when its admission was used for another order (the
        round is over, the money was given back).
        """
        order_id, promise_s = self._id_of(attempt.key), self._promise()
        try:
            while (order := self._orders.place(attempt, order_id, promise_s)) is None:
                if not self._end_earlier(attempt, deadline):
                    break
        except NotAdmitted:
            self.give_up(attempt, "given_up", deadline)
            raise
        if order is not None:
            ROUNDS.labels("done").inc()
            return order, True
        now = self._attempts.find(attempt.key)
        if now is not None and now.round != attempt.round:
            self.undo(attempt, deadline)
        if now is None or now.state != "done":
            raise Unavailable(GIVEN_UP)
        return self._orders.of_key(attempt.key), False

    def give_up(self, attempt: Attempt, failure: str, deadline: Deadline) -> bool:
        """Decide against the round, then undo it. False when it was decided otherwise before."""
        while not self._attempts.give_up(attempt, failure):
            if not self._end_earlier(attempt, deadline):
                return False
        self.undo(attempt, deadline)
        return True

    def undo(self, attempt: Attempt, deadline: Deadline) -> None:
        """Give money and stock back, and shut the door for requests of this round that are still under way.

        Only for a round that was given up, has failed or was overtaken: nobody can place its order any more.
        """
        self._payments.refund(attempt.charge_key, deadline.within(self._bounds.payment_s))
        self._inventory.release(attempt.charge_key, deadline.within(self._bounds.peer_s))
        if self._attempts.close(attempt):
            ROUNDS.labels("undone").inc()

    def _sold_out(self, attempt: Attempt, held: bool, deadline: Deadline) -> None:
        """End the round. What was not held before was not paid for either, unless a lost primary has forgotten that it
        was held: payments knows. When payments cannot say, it is up to the reconciler.
        """
        try:
            if not held and self._payments.state(attempt.charge_key, deadline.within(self._bounds.peer_s)) != "charged":
                return self._end(attempt, "out_of_stock")
        except (Unavailable, TimedOut):
            self._attempts.give_up(attempt, "out_of_stock")
            return
        if not self.give_up(attempt, "out_of_stock", deadline) and self._failed(attempt):
            self.undo(attempt, deadline)  # others have ended the round, before it was charged

    def _failed(self, attempt: Attempt) -> bool:
        """Whether the round is over, and no order came of it."""
        now = self._attempts.find(attempt.key)
        return now is not None and (now.round != attempt.round or now.state == "failed")

    def _end_earlier(self, attempt: Attempt, deadline: Deadline) -> bool:
        """End an earlier round that came back with a lost primary; False when there is none, or it has made an order.
        Until then the later one cannot be decided: what the earlier one took would belong to nobody.
        """
        now = self._attempts.find(attempt.key)
        if now is None or now.round >= attempt.round or now.state == "done":
            return False
        if now.state == "pending":
            self.give_up(now, "given_up", deadline)
        elif now.state == "failing":
            self.undo(now, deadline)
        return True

    def _commit_again(self, attempt: Attempt, deadline: Deadline) -> None:
        try:
            self._inventory.commit(attempt.charge_key, deadline.within(self._bounds.peer_s))
        except Conflict as error:
            raise Unavailable(GIVEN_UP) from error

    def _end(self, attempt: Attempt, failure: str) -> None:
        if self._attempts.fail(attempt, failure):
            ROUNDS.labels(failure).inc()
