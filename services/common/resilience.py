"""Bounds on trouble: a budget for retries, a circuit breaker, a deadline for work of several steps.

Sources: the retry budget is that of Google's SRE book, chapter "Handling Overload" (retries are kept below a share of
requests); the
breaker's states are Michael Nygard's, "Release It!".
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pybreaker

from services.common.errors import ShopError, TimedOut, Unavailable


class RetryBudget:
    """Every first attempt earns `ratio` of a retry, at most `reserve` are saved up: a storm of retries cannot feed
    itself.
    """

    def __init__(self, ratio: float = 0.1, reserve: float = 10.0) -> None:
        self._ratio, self._reserve, self._saved = ratio, reserve, reserve
        self._lock = threading.Lock()

    def earn(self) -> None:
        """A first attempt was made."""
        with self._lock:
            self._saved = min(self._reserve, self._saved + self._ratio)

    def spend(self) -> bool:
        """May one more retry be made?"""
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True


class Breaker:
    """After `failures` in a row, refuse at once for `wait_s` instead of making callers wait; then let a trial through.

    Only `Unavailable` and `TimedOut` count: a declined card is an answer, not an outage.
    """

    def __init__(self, name: str, failures: int = 5, wait_s: float = 2.0) -> None:
        not_an_outage = lambda error: isinstance(error, ShopError) and not isinstance(error, Unavailable | TimedOut)  # noqa: E731
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures, reset_timeout=wait_s, exclude=[not_an_outage], name=name
        )

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run the block unless the circuit is open. Raises Unavailable when it is.

        pybreaker's `calling()` is the one form that does not hold its lock during the call.
        """
        try:
            with self._breaker.calling():
                yield
        except pybreaker.CircuitBreakerError as error:
            if isinstance(error.__cause__, ShopError):  # the very failure that opened the circuit
                raise error.__cause__ from None
            raise Unavailable(f"{self._breaker.name} is resting after repeated failures") from error

    @property
    def state(self) -> str:
        """closed, open or half-open."""
        return str(self._breaker.current_state)


class Deadline:
    """When a whole piece of work must be over, however many steps it has."""

    def __init__(self, total_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._end = clock, clock() + total_s

    def within(self, bound_s: float) -> float:
        """How long the next step may take: its own bound or what is left. Raises TimedOut when nothing is left."""
        left_s = self._end - self._clock()
        if left_s <= 0:
            raise TimedOut("there is no time left for the next step")
        return min(bound_s, left_s)
