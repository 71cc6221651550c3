"""Finishes what requests left behind: forward when the money was taken, back when it was not.

Runs in every replica of orders; several do no harm, because every step is idempotent and `attempts` decides.
"""

from typing import Protocol

from services.common.deadline import Deadline
from services.common.errors import Conflict, ShopError
from services.common.telemetry import log, request_id
from services.orders.attempts import Attempt
from services.orders.rounds import Payments, Rounds

AT_ONCE = 20


class Attempts(Protocol):
    """What the reconciler needs; see `attempts.Attempts`."""

    def unsettled(self, older_than_s: float, limit: int) -> list[Attempt]: ...


class Reconciler:
    """`after_s`: how long nobody must have worked on an attempt; longer than a checkout may take."""

    def __init__(
        self, attempts: Attempts, rounds: Rounds, payments: Payments, after_s: float, total_s: float, peer_s: float
    ) -> None:
        self._attempts, self._rounds, self._payments = attempts, rounds, payments
        self._after_s, self._total_s, self._peer_s = after_s, total_s, peer_s

    def reconcile(self) -> int:
        """Settle a few attempts; how many were left behind. What fails now is tried again after `after_s`."""
        found = self._attempts.unsettled(self._after_s, AT_ONCE)
        for attempt in found:
            request_id.set(attempt.charge_key)  # no request asked for this; the calls it takes belong together still
            try:
                outcome = self.settle(attempt)
            except ShopError as error:
                outcome = f"postponed: {error.detail}"
            except Exception as error:  # whatever it is, it must not hold up all others
                log().error("attempt_not_settled", charge_key=attempt.charge_key, exc_info=error)
                continue
            log().info("attempt_settled", charge_key=attempt.charge_key, outcome=outcome)
        return len(found)

    def settle(self, attempt: Attempt) -> str:
        """Finish one attempt: placed, out of stock, declined or undone. Raises ShopError when it cannot be said yet."""
        deadline = Deadline(self._total_s)
        if attempt.state == "failing":
            self._rounds.undo(attempt, deadline)
            return "undone"
        charge = self._payments.state(attempt.charge_key, deadline.within(self._peer_s))
        if charge == "charged":
            return self._forward(attempt, deadline)
        if charge == "declined":
            self._rounds.decline(attempt, deadline)
            return "declined"
        return "undone" if self._rounds.give_up(attempt, "given_up", deadline) else "decided by others"

    def _forward(self, attempt: Attempt, deadline: Deadline) -> str:
        try:
            self._rounds.keep(attempt, deadline)
        except Conflict:
            return "out of stock"
        self._rounds.place(attempt, deadline)
        return "placed"
