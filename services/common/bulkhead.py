"""A bulkhead: one dependency may have so many of a replica's threads and no more, so that the others find some free.

The name is Michael Nygard's ("Release It!"): a leak fills one compartment of a ship, not the ship.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.common.errors import Refused


class Bulkhead:
    """At most `places` calls at once; whoever finds them taken waits a moment for one, then is refused. Who waits holds
    a thread as well: so half as many may wait as there are places, and the next is refused at once.
    """

    def __init__(self, name: str, places: int) -> None:
        self.name, self.places = name, places
        self._free, self._seats = threading.Semaphore(places), threading.Semaphore(max(1, places // 2))

    @contextmanager
    def place(self, wait_s: float) -> Iterator[None]:
        """Run the block in one of the places, once one is free. Raises Refused when none is for `wait_s` seconds."""
        if not (self._free.acquire(blocking=False) or self._wait(wait_s)):
            raise Refused(f"{self.places} calls to {self.name} are under way, no more", by="bulkhead")
        try:
            yield
        finally:
            self._free.release()

    def _wait(self, wait_s: float) -> bool:
        """Whether a place became free."""
        if wait_s <= 0 or not self._seats.acquire(blocking=False):
            return False
        try:
            return self._free.acquire(timeout=wait_s)
        finally:
            self._seats.release()
