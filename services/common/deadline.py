"""How much time is left: for a piece of work of several steps, and for whoever waits for an answer, all the way down.

A caller among the services says in `X-Time-Left-Ms` how long it will go on waiting; from everybody else the gateway
takes that header away, or a shopper could stop an order between two of its steps. What is left and not the time of day
is sent, as gRPC does with `grpc-timeout`: clocks of two machines differ. The gateway adds when the request reached it
(`X-Request-Start`, seconds since 1970), so that the time in a replica's queue counts too. Work that nobody waits for
any more is not begun.
"""

import math
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from prometheus_client import Counter

from services.common.errors import Refused, TimedOut

HEADER = "X-Time-Left-Ms"
TOO_LATE = Counter("shop_too_late_total", "Requests refused because nobody waited for their answers any more")


class Deadline:
    """When a whole piece of work must be over, however many steps it has."""

    def __init__(self, total_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._end = clock, clock() + total_s

    @property
    def left_s(self) -> float:
        """How much time is left; negative when it is over."""
        return self._end - self._clock()

    def within(self, bound_s: float) -> float:
        """How long the next step may take: its own bound or what is left. Raises TimedOut when nothing is left."""
        left_s = self.left_s
        if left_s <= 0:
            raise TimedOut("there is no time left for the next step")
        return min(bound_s, left_s)


_caller: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def left_s() -> float:
    """How long the caller of the present request will wait; infinite when it did not say."""
    deadline = _caller.get()
    return math.inf if deadline is None else deadline.left_s


def promise(total_s: float, environ: Mapping[str, Any], now: Callable[[], float] = time.time) -> None:
    """The present request is answered within this time since it reached the gateway, if its caller does not want it
    earlier: all that it asks for from now on is bounded by what is left.
    """
    _caller.set(Deadline(min(total_s - _waited_s(environ, now), left_s())))


def forget() -> None:
    """What follows is nobody's request, or one whose caller did not say."""
    _caller.set(None)


def obey(environ: Mapping[str, Any], now: Callable[[], float] = time.time) -> None:
    """Take the caller's word for the request that begins. Raises Refused when it has stopped waiting.

    Forgiving: what is no number says nothing. `environ` is WSGI's.
    """
    given = _number(environ.get("HTTP_X_TIME_LEFT_MS"))
    if given is None:
        return forget()
    waited_s = _waited_s(environ, now)
    if given / 1000 <= waited_s:
        TOO_LATE.inc()
        raise Refused("nobody waits for this answer any more", by="deadline")
    _caller.set(Deadline(given / 1000 - waited_s))


def _waited_s(environ: Mapping[str, Any], now: Callable[[], float]) -> float:
    """For how long the request has been on its way from the gateway, the queue for a thread included."""
    arrived = _number(environ.get("HTTP_X_REQUEST_START"))
    return 0.0 if arrived is None else max(0.0, now() - arrived)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
