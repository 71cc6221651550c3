"""An item's rows in the table `stock`: its pieces lie in bucket 0, or in several buckets when many want it at once.

Whoever waits for rows waits in the order of their skus and buckets: never do two wait for each other in a circle.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from services.common.errors import Conflict


@dataclass(frozen=True)
class Line:
    """So many pieces of one item."""

    sku: str
    quantity: int


class OutOfStock(Conflict):
    """There are not enough pieces. `state` refused: this key never held any and never will."""

    kind = "out-of-stock"

    @classmethod
    def of(cls, line: Line) -> "OutOfStock":
        """For a line that cannot be had."""
        return cls(f"there are not {line.quantity} pieces of {line.sku} left", sku=line.sku)


def in_first(connection: Connection[Any], sku: str, lock: bool = False) -> int:
    """Pieces that are available in bucket 0. `lock`: nobody else changes it before the transaction's end."""
    query = "select available from stock where sku = %s and bucket = 0" + (" for update" if lock else "")
    found = connection.execute(query.encode(), (sku,)).fetchone()
    return found[0] if found else 0


def take_from_first(connection: Connection[Any], line: Line) -> bool:
    """Take the pieces from bucket 0, if it has enough: looking and taking are one statement."""
    taken = connection.execute(
        "update stock set available = available - %(n)s, reserved = reserved + %(n)s "
        "where sku = %(sku)s and bucket = 0 and available >= %(n)s",
        {"n": line.quantity, "sku": line.sku},
    )
    return taken.rowcount == 1


def lay_out(connection: Connection[Any], line: Line, buckets: int) -> None:
    """Lay all pieces out evenly over so many buckets, those of the line first of all into bucket 0.

    Nobody else takes any until the transaction's end. Raises OutOfStock, which locks nothing as a rule.
    """
    if left(connection, line.sku) < line.quantity:
        raise OutOfStock.of(line)
    connection.execute(
        "insert into stock (sku, bucket, stock, available) select %s, bucket, 0, 0 from generate_series(1, %s) bucket "
        "on conflict do nothing",
        (line.sku, buckets - 1),
    )
    query = "select available from stock where sku = %s order by bucket for update"
    found = [row[0] for row in connection.execute(query, (line.sku,)).fetchall()]
    if sum(found) < line.quantity:
        raise OutOfStock.of(line)
    each, more = divmod(sum(found) - line.quantity, buckets)
    shares = [each + (bucket < more) if bucket < buckets else 0 for bucket in range(len(found))]
    shares[0] += line.quantity
    connection.execute(
        "update stock set available = share, stock = share + reserved + sold "
        "from unnest(%s::int[]) with ordinality shares (share, number) where sku = %s and bucket = number - 1",
        (shares, line.sku),
    )


def left(connection: Connection[Any], sku: str) -> int:
    """Pieces in all buckets at one moment; locks nothing."""
    query = "select coalesce(sum(available), 0) from stock where sku = %s"
    found = connection.execute(query, (sku,)).fetchone()
    assert found is not None
    return int(found[0])
