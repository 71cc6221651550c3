"""What one checkout says to Postgres, and nothing else: the yardstick of the order path.

The same statements in the same transactions, under the same roles, as services/orders, inventory and payments send
them; written down here once more because labs see the shop only from outside. The shop's invariants hold afterwards,
which is how a difference between the two would show.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.types.json import Jsonb

ROLES = ("orders", "inventory", "payments")
HELD_S = 60.0
ATTEMPT = "key, fingerprint, round, state, failure, body, admission"


@dataclass(frozen=True)
class Line:
    """One piece of an item."""

    sku: str
    name: str
    price_cents: int


Session = Connection[tuple[Any, ...]]


class Till:
    """One customer after the other; a connection for each of the three services, as a thread of theirs would hold."""

    def __init__(self, orders: Session, inventory: Session, payments: Session) -> None:
        self._orders, self._inventory, self._payments = orders, inventory, payments

    def close(self) -> None:
        """Hang up."""
        for connection in (self._orders, self._inventory, self._payments):
            connection.close()

    def check_out(self, line: Line) -> None:
        """Order one piece. Raises psycopg.Error; ValueError when it is sold out."""
        key = f"bench-{secrets.token_hex(16)}"
        charge_key = f"{hashlib.sha256(key.encode()).hexdigest()[:40]}-1"
        with self._orders.transaction():
            find_attempt(self._orders, key)
        with self._orders.transaction():
            open_attempt(self._orders, key, line)
        with self._inventory.transaction():
            reserve(self._inventory, charge_key, line)
        with self._payments.transaction():
            find_charge(self._payments, charge_key)
        with self._payments.transaction():
            charge(self._payments, charge_key, line)
        with self._inventory.transaction():
            keep(self._inventory, charge_key)
        with self._orders.transaction():
            place(self._orders, key, charge_key, line)


def open_till(address: str, passwords: Mapping[str, str]) -> Till:
    """Connect to the primary at "host:port" under the three services' roles."""
    host, port = address.split(":")
    return Till(
        *(
            psycopg.connect(
                host=host, port=int(port), dbname="shop", user=role, password=passwords[f"{role.upper()}_DB_PASSWORD"]
            )
            for role in ROLES
        )
    )


def find_attempt(orders: Session, key: str) -> None:
    """Is the key known?"""
    orders.execute(f"select {ATTEMPT} from attempts where key = %s", (key,))


def open_attempt(orders: Session, key: str, line: Line) -> None:
    """Write down what is tried."""
    orders.execute(
        "insert into attempts (key, fingerprint, body, admission) values (%s, %s, %s, %s) "
        f"on conflict (key) do nothing returning {ATTEMPT}",
        (key, fingerprint(line), body(line), None),
    )


def fingerprint(line: Line) -> str:
    """What is wished for, as orders recognizes it again."""
    return hashlib.sha256(json.dumps([[(line.sku, 1)], "tok_ok"]).encode()).hexdigest()


def body(line: Line) -> Jsonb:
    """What is tried, as orders writes it down."""
    return Jsonb({"lines": [{"sku": line.sku, "name": line.name, "quantity": 1, "price_cents": line.price_cents}]})


def reserve(inventory: Session, key: str, line: Line) -> None:
    """Hold the piece."""
    inventory.execute(
        "insert into reservations (key, state, expires_at) values (%s, 'held', now() + make_interval(secs => %s)) "
        "on conflict (key) do nothing returning key, state, expires_at",
        (key, HELD_S),
    )
    inventory.execute(
        "insert into reservation_lines (key, sku, quantity) select %s, * from unnest(%s::text[], %s::int[])",
        (key, [line.sku], [1]),
    )
    with inventory.transaction():
        taken = inventory.execute(
            "with free as (select bucket from stock where sku = %(sku)s and available >= %(n)s "
            "order by random() limit 1 for update skip locked) "
            "update stock set available = available - %(n)s, reserved = reserved + %(n)s "
            "from free where sku = %(sku)s and stock.bucket = free.bucket returning stock.bucket",
            {"sku": line.sku, "n": 1},
        ).fetchone()
    if taken is None:
        raise ValueError(f"{line.sku} is sold out, or somebody else is at it")
    if taken[0]:
        inventory.execute(
            "update reservation_lines set bucket = %s where key = %s and sku = %s", (taken[0], key, line.sku)
        )


def find_charge(payments: Session, key: str) -> None:
    """Was it charged before?"""
    payments.execute("select key, state, amount_cents from charges where key = %s", (key,))


def charge(payments: Session, key: str, line: Line) -> None:
    """Record the charge."""
    payments.execute(
        "insert into charges (key, state, amount_cents) values (%s, %s, %s) on conflict (key) do nothing "
        "returning key, state, amount_cents",
        (key, "charged", line.price_cents),
    )


def keep(inventory: Session, key: str) -> None:
    """What was held is sold."""
    inventory.execute("select key, state, expires_at from reservations where key = %s for update", (key,))
    inventory.execute(
        "update reservations set state = %s, expires_at = coalesce(now() + make_interval(secs => %s), expires_at) "
        "where key = %s returning key, state, expires_at",
        ("committed", None, key),
    )
    inventory.execute(
        "with l as (select s.sku, s.bucket, l.quantity from stock s join reservation_lines l using (sku, bucket) "
        "where l.key = %s order by s.sku, s.bucket for update of s) "
        "update stock s set sold = s.sold + l.quantity, reserved = s.reserved - l.quantity "
        "from l where s.sku = l.sku and s.bucket = l.bucket",
        (key,),
    )


def decide(orders: Session, key: str, line: Line) -> None:
    """The attempt becomes an order."""
    orders.execute(
        "insert into attempts as known (key, fingerprint, round, state, failure, body, admission) "
        "values (%(key)s, %(fingerprint)s, %(round)s, %(after)s, coalesce(%(failure)s, ''), %(body)s, %(admission)s) "
        "on conflict (key) do update set round = excluded.round, state = excluded.state, "
        "failure = coalesce(%(failure)s, known.failure), admission = excluded.admission, updated_at = now() "
        "where (known.round < excluded.round and known.state = 'failed') "
        "or (known.round = excluded.round and known.state = %(before)s)",
        {
            "key": key,
            "fingerprint": fingerprint(line),
            "round": 1,
            "before": "pending",
            "after": "done",
            "failure": None,
            "body": body(line),
            "admission": None,
        },
    )


def place(orders: Session, key: str, charge_key: str, line: Line) -> None:
    """The attempt is done: the order, its line and its event."""
    decide(orders, key, line)
    order_id = secrets.token_hex(16)
    placed = orders.execute(
        "insert into orders (order_id, key, charge_key, status, total_cents, promised_for, lane) "
        "values (%s, %s, %s, 'confirmed', %s, now() + make_interval(secs => %s), %s) "
        "returning order_id, status, total_cents, placed_at, promised_for",
        (order_id, key, charge_key, line.price_cents, None, False),
    ).fetchone()
    assert placed is not None
    orders.execute(
        "insert into lines (order_id, sku, name, quantity, price_cents) "
        "select %s, * from unnest(%s::text[], %s::text[], %s::int[], %s::bigint[])",
        (order_id, [line.sku], [line.name], [1], [line.price_cents]),
    )
    event = {
        "event_id": f"order.placed.{order_id}",
        "order_id": order_id,
        "items": [{"sku": line.sku, "quantity": 1}],
        "total_cents": line.price_cents,
        "placed_at": placed[3].isoformat(),
    }
    orders.execute(
        "insert into outbox (event_id, event, payload, request_id, lane) values (%s, %s, %s, %s, %s)",
        (event["event_id"], "order.placed", Jsonb(event), "-", False),
    )
