"""What must always be true of a shop, as SQL over its tables, asked from outside.

A check first waits until orders in flight have settled, then asks everything in one snapshot, so that a busy shop
cannot look inconsistent.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

Connection = psycopg.Connection[dict[str, Any]]

UNSETTLED = """
select (select count(*) from orders.attempts where state in ('pending', 'failing')) as attempts,
       (select count(*) from orders.outbox where sent_at is null) as unsent,
       (select count(*) from orders.orders where status = 'confirmed') as unshipped
"""


@dataclass(frozen=True)
class Invariant:
    """`query` selects the violations, one a row; none means it holds."""

    name: str
    claim: str
    query: str


@dataclass(frozen=True)
class Result:
    """One invariant, asked."""

    name: str
    claim: str
    holds: bool
    found: str


INVARIANTS: Sequence[Invariant] = (
    Invariant(
        "stock_adds_up",
        "sold + reserved + left = stock for every item, and never below zero",
        """select sku, stock, available as left, reserved, sold from inventory.stock
           where available + reserved + sold <> stock or least(available, reserved, sold) < 0""",
    ),
    Invariant(
        "reservations_add_up",
        "what is reserved and sold is what the reservations say",
        """select sku, bucket, stock.reserved, coalesce(held, 0) as held,
                  stock.sold, coalesce(committed, 0) as committed
           from inventory.stock left join (
               select sku, bucket, sum(quantity) filter (where state = 'held') as held,
                                   sum(quantity) filter (where state = 'committed') as committed
               from inventory.reservation_lines join inventory.reservations using (key)
               group by sku, bucket) booked using (sku, bucket)
           where stock.reserved <> coalesce(held, 0) or stock.sold <> coalesce(committed, 0)""",
    ),
    Invariant(
        "sold_is_ordered",
        "every piece sold is on a confirmed order, and the other way round: nothing is oversold",
        """select sku, shelf.sold, coalesce(ordered, 0) as ordered from (
               select sku, sum(sold) as sold from inventory.stock group by sku) shelf left join (
               select sku, sum(quantity) as ordered from orders.lines join orders.orders using (order_id)
               where status <> 'cancelled' group by sku) wanted using (sku)
           where shelf.sold <> coalesce(ordered, 0)""",
    ),
    Invariant(
        "one_charge_per_order",
        "every confirmed order has exactly one charge, of its total",
        """select order_id, total_cents, amount_cents as charged, state from orders.orders
           left join payments.charges on charges.key = charge_key
           where orders.status <> 'cancelled' and (state is distinct from 'charged' or amount_cents <> total_cents)""",
    ),
    Invariant(
        "no_charge_without_order",
        "every charge belongs to a confirmed order or is refunded",
        """select charges.key, amount_cents from payments.charges left join orders.orders on charge_key = charges.key
           where state = 'charged' and (order_id is null or status = 'cancelled')""",
    ),
    Invariant(
        "totals_add_up",
        "an order's total is the sum of its lines",
        """select order_id, total_cents, sum(quantity * price_cents) as lines from orders.orders
           left join orders.lines using (order_id)
           group by order_id having coalesce(sum(quantity * price_cents), 0) <> total_cents""",
    ),
    Invariant(
        "shipped_once",
        "every confirmed order reaches fulfilment exactly once in effect",
        """select order_id, status, count(parcel_id) as parcels from orders.orders full join (
               select * from fulfilment.parcels where called_back_at is null) sent using (order_id)
           group by order_id, status
           having status is null or (status <> 'cancelled' and count(parcel_id) <> 1)""",
    ),
    Invariant(
        "one_event_per_order",
        "every confirmed order was announced once",
        """select order_id, count(event_id) as events from orders.orders
           left join orders.outbox on event = 'order.placed' and payload ->> 'order_id' = order_id
           group by order_id having count(event_id) <> 1""",
    ),
    Invariant(
        "one_order_per_key",
        "an idempotency key never makes two orders",
        "select key, count(*) as orders from orders.orders group by key having count(*) > 1",
    ),
    Invariant(
        "done_means_ordered",
        "an attempt that is done has its order, every other has none",
        """select attempts.key, attempts.state, order_id from orders.attempts left join orders.orders using (key)
           where (attempts.state = 'done') <> (order_id is not null)""",
    ),
)


def check(connection: Connection, settle_s: float) -> list[Result]:
    """Ask every invariant. Waits at most `settle_s` seconds for the shop to settle; what has not settled by then is a
    violation too.
    """
    settled = _settle(connection, settle_s)
    connection.execute("set transaction isolation level repeatable read read only")
    results = [_ask(connection, invariant) for invariant in INVARIANTS]
    connection.rollback()
    return [*results, settled]


def _ask(connection: Connection, invariant: Invariant) -> Result:
    violations = connection.execute(invariant.query).fetchall()
    shown = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in violations[:5])
    more = f" and {len(violations) - 5} more" if len(violations) > 5 else ""
    return Result(invariant.name, invariant.claim, not violations, f"{shown}{more}" if violations else "no violation")


def _settle(connection: Connection, settle_s: float) -> Result:
    claim = "orders in flight settle"
    deadline = time.monotonic() + settle_s
    while True:
        row = connection.execute(UNSETTLED).fetchone() or {}
        connection.rollback()
        if not any(row.values()):
            return Result("settled", claim, True, "nothing is in flight")
        if time.monotonic() > deadline:
            left = ", ".join(f"{count} {what}" for what, count in row.items() if count)
            return Result("settled", claim, False, f"after {settle_s:.0f} s there are still {left}")
        time.sleep(0.1)
