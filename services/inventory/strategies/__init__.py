"""Ways of taking pieces so that nobody else gets the same ones; one of them does not."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from psycopg import Connection

from services.inventory.shelf import Line
from services.inventory.strategies.buckets import Buckets
from services.inventory.strategies.conditional import Conditional
from services.inventory.strategies.naive import Naive
from services.inventory.strategies.row_lock import RowLock


class Strategy(Protocol):
    """How the pieces of a line are taken, inside the caller's transaction.

    All work on the same rows and may be mixed at any time. `decide` takes a while and is called once, after the item
    was looked at where a strategy looks before it takes.
    """

    def take(self, connection: Connection[Any], line: Line, decide: Callable[[], None]) -> int:
        """Move the pieces from available to reserved; the bucket they came from. Raises OutOfStock."""


STRATEGIES: Mapping[str, Strategy] = {
    "naive": Naive(),
    "row_lock": RowLock(),
    "conditional": Conditional(),
    "buckets": Buckets(),
}
