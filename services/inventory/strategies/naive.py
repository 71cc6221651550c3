"""Look, decide, take: as if nobody else were there."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from services.inventory.shelf import Line, in_first, lay_out


class Naive:
    """Oversells: whoever looks before another has taken sees the same last piece. No test with one buyer shows it."""

    def take(self, connection: Connection[Any], line: Line, decide: Callable[[], None]) -> int:
        if in_first(connection, line.sku) < line.quantity:
            lay_out(connection, line, buckets=1)
        decide()
        connection.execute(
            "update stock set available = available - %(n)s, reserved = reserved + %(n)s, guarded = false "
            "where sku = %(sku)s and bucket = 0",
            {"n": line.quantity, "sku": line.sku},
        )
        return 0
