"""A circuit breaker: who has failed again and again is left alone for a while, then tried by one call.

    closed ──failures in a row──► open ──wait_s──► half-open ──trial succeeds──► closed
                                    ▲                  └───────trial fails─────────┐
                                    └──────────────────────────────────────────────┘

The states are Michael Nygard's ("Release It!"). Why not a library: pybreaker either holds its lock while it calls,
which makes callers queue, or lets everybody through when it is half-open.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from services.common.errors import Refused, TimedOut, Unavailable

State = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """After `failures` in a row, refuse at once for `wait_s` instead of making callers wait; then let one trial through
    at a time.

    Only `Unavailable` and `TimedOut` are failures: a declined card is an answer, not an outage. Nor is `Refused`, which
    says that nobody was asked, or that the asked one protects itself.
    """

    def __init__(
        self, name: str, failures: int = 5, wait_s: float = 0.5, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name, self._limit, self._wait_s, self._clock = name, failures, wait_s, clock
        self._lock = threading.Lock()
        self._failures, self._opened_at, self._trying = 0, 0.0, False

    @property
    def state(self) -> State:
        """As the next caller would meet it."""
        if self._failures < self._limit:
            return "closed"
        return "half-open" if self._clock() - self._opened_at >= self._wait_s else "open"

    @contextmanager
    def guard(self, patient: bool = True) -> Iterator[None]:
        """Run the block unless the circuit is open. Raises Refused when it is.

        Of a caller that is not `patient` (it waits for less than answers may take) a timeout proves nothing.
        """
        trial = self._enter()
        failed: bool | None = None  # None: the block says nothing about the one that is called
        try:
            yield
            failed = False
        except Refused:
            raise
        except (Unavailable, TimedOut) as error:
            failed = True if patient or isinstance(error, Unavailable) else None
            raise
        except Exception:
            failed = False
            raise
        finally:
            self._leave(trial, failed)

    def _enter(self) -> bool:
        """Is this a trial? The lock guards the books alone, and a closed circuit needs none."""
        if self._failures < self._limit:
            return False
        with self._lock:
            if self._failures < self._limit:
                return False
            if self._trying or self._clock() - self._opened_at < self._wait_s:
                raise Refused(f"{self.name} is left alone after repeated failures", by="breaker")
            self._trying = True
            return True

    def _leave(self, trial: bool, failed: bool | None) -> None:
        if not trial and failed is False and self._failures == 0:
            return  # the usual case: nothing to write down
        with self._lock:
            if trial:
                self._trying = False
            elif self._failures >= self._limit:
                return  # it was asked before the circuit opened: the trial decides
            if failed:
                self._failures += 1
                self._opened_at = self._clock()
            elif failed is False:
                self._failures = 0
