"""The tables `orders` and `lines`.

Who has just bought must see the order, and never one that goes back from shipped to confirmed: an order is read at the
primary. That is cheap: only its buyer looks at it, a few times, by its key. What everybody looks at (best sellers here,
the catalogue elsewhere) is read at the replica, which may be a moment behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from services.common import lane
from services.common.db import BoundedConnection, Database
from services.common.errors import Conflict, NotFound
from services.orders import outbox
from services.orders.attempts import Attempt, PricedLine, decide
from services.orders.intake import WINDOW_S, Backlog
from services.orders.outbox import OrderEvent


@dataclass(frozen=True)
class Head:
    """An order without its lines. Status: confirmed, shipped or cancelled. `promised_for` is when its parcel will be
    packed, if that takes longer than anybody expects.
    """

    order_id: str
    status: str
    total_cents: int
    placed_at: datetime
    promised_for: datetime | None = None


@dataclass(frozen=True)
class Order:
    """An order as shoppers see it."""

    head: Head
    lines: tuple[PricedLine, ...]


@dataclass(frozen=True)
class Sold:
    """How many pieces of an item were ordered."""

    sku: str
    sold: int


HEAD = "order_id, status, total_cents, placed_at, promised_for"


class Orders:
    """All orders there are. `own`: whether buyers read their own writes; else their orders are read at the replica.
    `leads` tells what is placed in the lane; `in_lane`: whether this is a replica of it, and sees its backlog.
    """

    def __init__(
        self,
        database: Database,
        own: Callable[[], bool] = lambda: True,
        leads: lane.Leads = lane.nowhere,
        in_lane: bool = False,
    ) -> None:
        self._database, self._own = database, own
        self._leads, self._in_lane = leads, in_lane

    def place(self, attempt: Attempt, order_id: str, promise_s: float | None) -> Order | None:
        """One transaction: the attempt is done, the order exists, its event will be published. Its parcel is promised
        in `promise_s` seconds, or at once.

        None when the attempt's round is not pending any more: somebody else finished it or gave it up. Raises
        NotAdmitted, see `decide`.
        """
        with self._database.transaction() as connection:
            if not decide(connection, attempt, "pending", "done"):
                return None
            in_lane = self._leads([line.sku for line in attempt.lines])
            head = _insert_head(connection, attempt, order_id, promise_s, in_lane)
            _insert_lines(connection, order_id, attempt.lines)
            order = Order(head, attempt.lines)
            outbox.add(connection, _event("order.placed", order), in_lane)
            return order

    def find(self, order_id: str) -> Order:
        """An order by its id. Raises NotFound."""
        return self._database.read(lambda connection: _find(connection, "order_id", order_id), self._own())

    def of_key(self, key: str) -> Order:
        """The order made under a client's key. Raises NotFound."""
        with self._database.transaction() as connection:
            return _find(connection, "key", key)

    def ship(self, order_id: str) -> Order:
        """confirmed becomes shipped, with its event; shipped stays. Raises NotFound, Conflict (cancelled)."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "update orders set status = 'shipped', shipped_at = now() where order_id = %s and status = 'confirmed'",
                (order_id,),
            )
            order = _find(connection, "order_id", order_id)
            if changed.rowcount == 1:
                outbox.add(connection, _event("order.shipped", order))
            elif order.head.status != "shipped":
                raise Conflict(f"the order is {order.head.status}")
            return order

    def backlog(self) -> Backlog:
        """How many orders wait, for how long, and how many left meanwhile; those of the lane wait elsewhere."""
        query = (
            "with waiting as (select count(*)::int as waiting, coalesce(extract(epoch from now() - min(placed_at)), 0)"
            "::float8 as busy_s from orders where lane = %(lane)s and status = 'confirmed') select waiting, busy_s, "
            "(select count(*)::int from orders where lane = %(lane)s and "
            "shipped_at > now() - make_interval(secs => least(busy_s, %(window_s)s))) as shipped from waiting"
        )
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Backlog)) as cursor:
            return cursor.execute(query, {"lane": self._in_lane, "window_s": WINDOW_S}).fetchone() or Backlog()

    def best_sellers(self, limit: int) -> list[Sold]:
        """What was ordered most, from the replica when there is one: nobody minds a moment's delay."""

        def query(connection: BoundedConnection) -> list[Sold]:
            with connection.cursor(row_factory=class_row(Sold)) as cursor:
                text = "select sku, sum(quantity)::int as sold from lines group by sku order by sold desc, sku limit %s"
                return cursor.execute(text, (limit,)).fetchall()

        return self._database.read(query)


def _insert_head(
    connection: Connection[Any], attempt: Attempt, order_id: str, promise_s: float | None, in_lane: bool
) -> Head:
    query = (
        "insert into orders (order_id, key, charge_key, status, total_cents, promised_for, lane) "
        f"values (%s, %s, %s, 'confirmed', %s, now() + make_interval(secs => %s), %s) returning {HEAD}"
    )
    with connection.cursor(row_factory=class_row(Head)) as cursor:
        values = (order_id, attempt.key, attempt.charge_key, attempt.total_cents, promise_s, in_lane)
        head = cursor.execute(query.encode(), values).fetchone()
    assert head is not None
    return head


def _insert_lines(connection: Connection[Any], order_id: str, lines: tuple[PricedLine, ...]) -> None:
    columns = zip(*((line.sku, line.name, line.quantity, line.price_cents) for line in lines), strict=True)
    connection.execute(
        "insert into lines (order_id, sku, name, quantity, price_cents) "
        "select %s, * from unnest(%s::text[], %s::text[], %s::int[], %s::bigint[])",
        (order_id, *map(list, columns)),
    )


def _find(connection: Connection[Any], column: str, value: str) -> Order:
    with connection.cursor(row_factory=class_row(Head)) as cursor:
        head = cursor.execute(f"select {HEAD} from orders where {column} = %s".encode(), (value,)).fetchone()
    if head is None:
        raise NotFound("there is no such order")
    with connection.cursor(row_factory=class_row(PricedLine)) as cursor:
        query = "select sku, name, quantity, price_cents from lines where order_id = %s order by sku"
        return Order(head, tuple(cursor.execute(query, (head.order_id,)).fetchall()))


def _event(name: str, order: Order) -> OrderEvent:
    items = [{"sku": line.sku, "quantity": line.quantity} for line in order.lines]
    return OrderEvent(name, order.head.order_id, items, order.head.total_cents, order.head.placed_at.isoformat())
