"""May another order come in, and when will it be shipped? The warehouse's capacity, told where orders are taken.

    off             take everything, say nothing: what everybody writes first
    refuse          above the limit take nothing, before anything is reserved or charged
    promise_later   take everything, and above the limit say when the parcel will be packed (the rule)

The limit is a time. Nobody tells this service how fast the warehouse is: it sees how many orders wait and how many
left.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.common.errors import Refused
from services.common.fallback import or_else

REFRESH_S = 0.5
WINDOW_S = 5.0


class WarehouseFull(Refused):
    """More is ordered than can be packed in time; nothing was taken. `retry_after_s` says when to ask again."""

    kind = "warehouse-full"


@dataclass(frozen=True)
class Backlog:
    """`waiting` orders are confirmed and not shipped, the oldest of them for `busy_s` seconds; in that time (`WINDOW_S`
    at most) `shipped` others left.
    """

    waiting: int = 0
    busy_s: float = 0.0
    shipped: int = 0

    @property
    def wait_s(self) -> float:
        """How long the next order would wait: the orders up to and with it, at the pace of those that left.

        While the oldest order waits the warehouse is never idle, so its pace is its capacity. The order it is working
        on counts as shipped: so the figure is finite when nothing leaves, and grows with every second.
        """
        return (self.waiting + 1) * min(self.busy_s, WINDOW_S) / (self.shipped + 1)


class Intake:
    """The decision. `look` asks how things are, twice a second at most; when it fails, the last figure counts: what is
    paid for is not lost because nobody can say when it will be packed. `policy` and `limit_s` are read every time.
    """

    def __init__(
        self,
        look: Callable[[], Backlog],
        policy: Callable[[], str],
        limit_s: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look, self._policy, self._limit_s, self._clock = look, policy, limit_s, clock
        self._wait_s, self._look_again = 0.0, clock()

    def admit(self) -> None:
        """Raises WarehouseFull when an order would wait longer than the limit and is to be refused."""
        if self._policy() == "refuse" and (over_s := self._wait() - self._limit_s()) > 0:
            raise WarehouseFull(
                "more is ordered than we can pack in time; nothing was charged", retry_after_s=math.ceil(over_s)
            )

    def promise(self) -> float | None:
        """In how many seconds an order placed now will be packed, if that is to be said; None: at once."""
        wait_s = self._wait() if self._policy() == "promise_later" else 0.0
        return wait_s if wait_s > self._limit_s() else None

    def _wait(self) -> float:
        now = self._clock()
        if now >= self._look_again:
            self._look_again = now + REFRESH_S  # others go on with the last figure while this one looks
            self._wait_s = or_else("intake_not_seen", lambda: self._look().wait_s, self._wait_s)
        return self._wait_s
