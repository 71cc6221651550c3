"""Lock, look, decide, take: everybody else waits until the transaction has ended."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from services.inventory.shelf import Line, in_first, lay_out, take_from_first


class RowLock:
    """Never oversells. Of one item it sells one piece in the time that deciding and committing take, however many
    replicas there are.
    """

    def take(self, connection: Connection[Any], line: Line, decide: Callable[[], None]) -> int:
        if in_first(connection, line.sku, lock=True) < line.quantity:
            lay_out(connection, line, buckets=1)
        decide()
        take_from_first(connection, line)
        return 0
