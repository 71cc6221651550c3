"""A bulkhead: one dependency may have so many of a replica's threads and no more, so that the others find some free.

The name is Michael Nygard's ("Release It!"): a leak fills one compartment of a ship, not the ship.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.common.errors import Refused


class Bulkhead:
    """At most `places` calls at once; whoever finds them taken waits a moment for one, then is refused."""

    def __init__(self, name: str, places: int) -> None:
        self.name, self.places = name, places
        self._free = threading.Semaphore(places)

    @contextmanager
    def place(self, wait_s: float) -> Iterator[None]:
        """Run the block in one of the places, once one is free. Raises Refused when none is for `wait_s` seconds."""
        if not (self._free.acquire(blocking=False) or (wait_s > 0 and self._free.acquire(timeout=wait_s))):
            raise Refused(f"{self.places} calls to {self.name} are under way, no more", by="bulkhead")
        try:
            yield
        finally:
            self._free.release()
