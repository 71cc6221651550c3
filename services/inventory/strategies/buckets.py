"""Decide, then take from any bucket that nobody is at: buyers of one item do not wait for each other."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection, Rollback

from services.inventory.shelf import Line, lay_out, take_from_first

BUCKETS = 16
"""As many as two replicas have threads."""

TAKE = """
with free as (select bucket from stock where sku = %(sku)s and available >= %(n)s
order by random() limit 1 for update skip locked)
update stock set available = available - %(n)s, reserved = reserved + %(n)s
from free where sku = %(sku)s and stock.bucket = free.bucket
returning stock.bucket
"""


class Buckets:
    """Never oversells. An item is spread over buckets when two buyers meet at it for the first time, and again
    whenever none that is free has enough: before it is sold out, all have been looked at.
    """

    def take(self, connection: Connection[Any], line: Line, decide: Callable[[], None]) -> int:
        decide()
        with connection.transaction() as attempt:  # in vain, it may have locked rows that others had just emptied
            taken = connection.execute(TAKE, {"sku": line.sku, "n": line.quantity}).fetchone()
            if taken is None:
                raise Rollback(attempt)
            return int(taken[0])
        lay_out(connection, line, BUCKETS)
        take_from_first(connection, line)
        return 0
