"""The tables `stock`, `reservations` and `reservation_lines`: every change is one transaction, all lines or none.

A hot item's row is locked from its update to the commit, so the update comes last. How pieces are taken is a matter of
strategy (`strategies`); all of them keep the same books, so that they may be changed while the shop sells.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from services.common.db import Database
from services.common.errors import Conflict, NotFound
from services.inventory.shelf import Line, OutOfStock, left
from services.inventory.strategies import Strategy


@dataclass(frozen=True)
class Level:
    """What became of an item's pieces. left + reserved + sold = stock."""

    sku: str
    stock: int
    reserved: int
    sold: int
    left: int


@dataclass(frozen=True)
class Reservation:
    """Pieces held for a key until `expires_at`. States: held, committed, released, expired, refused."""

    key: str
    state: str
    expires_at: datetime


# What each move does to the three numbers of every line's item, in terms of its quantity l.quantity.
TAKE_BACK = "available = s.available + l.quantity, reserved = s.reserved - l.quantity"
SELL = "sold = s.sold + l.quantity, reserved = s.reserved - l.quantity"
RETURN = "available = s.available + l.quantity, sold = s.sold - l.quantity"


class Stock:
    """All pieces there are. `ttl_s`: how long a reservation holds; `decide` is called once for each line taken."""

    def __init__(
        self,
        database: Database,
        ttl_s: float,
        strategy: Callable[[], Strategy],
        decide: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._ttl_s = database, ttl_s
        self._strategy, self._decide = strategy, decide

    def level(self, sku: str) -> Level:
        """How many pieces of an item are where. Raises NotFound."""
        query = (
            "select sku, sum(stock)::int as stock, sum(reserved)::int as reserved, sum(sold)::int as sold, "
            'sum(available)::int as "left" from stock where sku = %s group by sku'
        )
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Level)) as cursor:
            found = cursor.execute(query, (sku,)).fetchone()
        if found is None:
            raise NotFound(f"no item {sku}")
        return found

    def reserve(self, key: str, lines: Sequence[Line]) -> tuple[Reservation, bool]:
        """Hold all lines for a key, or none; the same key again gets what it holds. Tells whether anything was taken.

        A reservation that expired is taken anew when there is enough. Raises OutOfStock, Conflict.
        """
        ordered = sorted(lines, key=lambda line: line.sku)
        try:
            with self._database.transaction() as connection:
                if new := _begin(connection, key, self._ttl_s):
                    _write_lines(connection, key, ordered)
                    self._take(connection, key, ordered)
                    return new, True
                known = _locked(connection, key)
                _refuse_strangers(connection, key, ordered)
                if known.state in ("held", "committed"):
                    return known, False
                if known.state in ("released", "refused"):
                    short = next((line.sku for line in ordered if left(connection, line.sku) < line.quantity), "")
                    raise OutOfStock(f"reservation {key} was {known.state}", sku=short, state=known.state)
                again = _set_state(connection, key, "held", self._ttl_s)
                for line in ordered:
                    _note_bucket(connection, key, line.sku, 0)
                self._take(connection, key, ordered)
                return again, True
        except OutOfStock as error:
            if "state" not in error.extra:
                error.extra["state"] = self._refuse(key)
            raise

    def commit(self, key: str) -> Reservation:
        """Turn what is held into sold, for good. Raises NotFound, or Conflict when it is not held any more."""
        with self._database.transaction() as connection:
            known = _locked(connection, key)
            if known.state == "committed":
                return known
            if known.state != "held":
                raise Conflict(f"reservation {key} was {known.state}", state=known.state)
            return _move(connection, key, SELL, "committed")

    def release(self, key: str) -> Reservation:
        """Give everything back, also what was sold already, and let nothing be held under this key ever again.

        Only the one who decides about the order may ask for it, after deciding that there will be none.
        """
        with self._database.transaction() as connection:
            if _begin(connection, key, 0.0):
                return _set_state(connection, key, "released")
            known = _locked(connection, key)
            if known.state in ("released", "refused"):
                return known
            moves = {"held": TAKE_BACK, "committed": RETURN}
            if known.state in moves:
                return _move(connection, key, moves[known.state], "released")
            return _set_state(connection, key, "released")

    def expire_one(self) -> str | None:
        """Take back the longest overdue reservation that nobody works on; its key, or None when there is none.

        Sweepers in several replicas do not get in each other's way: each skips what another has locked.
        """
        query = (
            "select key from reservations where state = 'held' and expires_at < now() "
            "order by expires_at limit 1 for update skip locked"
        )
        with self._database.transaction() as connection:
            overdue = connection.execute(query).fetchone()
            if overdue is None:
                return None
            _move(connection, overdue[0], TAKE_BACK, "expired")
            return str(overdue[0])

    def _take(self, connection: Connection[Any], key: str, lines: Sequence[Line]) -> None:
        """Take every line, in the order of the skus; those that were not taken from bucket 0 are noted."""
        strategy = self._strategy()
        for line in lines:
            if bucket := strategy.take(connection, line, self._decide):
                _note_bucket(connection, key, line.sku, bucket)

    def _refuse(self, key: str) -> str:
        """Remember that this key got nothing, unless it was known before; its state."""
        with self._database.transaction() as connection:
            if _begin(connection, key, 0.0):
                _set_state(connection, key, "refused")
            return _locked(connection, key).state


def _begin(connection: Connection[Any], key: str, ttl_s: float) -> Reservation | None:
    """Write the row of a new key; None when the key is known (waits for one that is being written right now)."""
    query = (
        "insert into reservations (key, state, expires_at) values (%s, 'held', now() + make_interval(secs => %s)) "
        "on conflict (key) do nothing returning key, state, expires_at"
    )
    with connection.cursor(row_factory=class_row(Reservation)) as cursor:
        return cursor.execute(query, (key, ttl_s)).fetchone()


def _locked(connection: Connection[Any], key: str) -> Reservation:
    with connection.cursor(row_factory=class_row(Reservation)) as cursor:
        query = "select key, state, expires_at from reservations where key = %s for update"
        found = cursor.execute(query, (key,)).fetchone()
    if found is None:
        raise NotFound(f"no reservation {key}")
    return found


def _write_lines(connection: Connection[Any], key: str, lines: Sequence[Line]) -> None:
    connection.execute(
        "insert into reservation_lines (key, sku, quantity) select %s, * from unnest(%s::text[], %s::int[])",
        (key, [line.sku for line in lines], [line.quantity for line in lines]),
    )


def _note_bucket(connection: Connection[Any], key: str, sku: str, bucket: int) -> None:
    connection.execute("update reservation_lines set bucket = %s where key = %s and sku = %s", (bucket, key, sku))


def _refuse_strangers(connection: Connection[Any], key: str, lines: Sequence[Line]) -> None:
    """A key stands for one set of lines: the same key with others is a mistake of the caller."""
    query = "select sku, quantity from reservation_lines where key = %s order by sku"
    with connection.cursor(row_factory=class_row(Line)) as cursor:
        known = cursor.execute(query, (key,)).fetchall()
    if known and sorted(known, key=lambda line: line.sku) != list(lines):
        raise Conflict(f"reservation {key} is for other items", state="other")


def _set_state(connection: Connection[Any], key: str, state: str, ttl_s: float | None = None) -> Reservation:
    query = (
        "update reservations set state = %s, expires_at = coalesce(now() + make_interval(secs => %s), expires_at) "
        "where key = %s returning key, state, expires_at"
    )
    with connection.cursor(row_factory=class_row(Reservation)) as cursor:
        changed = cursor.execute(query, (state, ttl_s, key)).fetchone()
    assert changed is not None
    return changed


def _move(connection: Connection[Any], key: str, change: str, state: str) -> Reservation:
    """Apply one of the moves above to every line of a reservation, in the order of skus and buckets."""
    changed = _set_state(connection, key, state)
    query = (
        "with l as (select s.sku, s.bucket, l.quantity from stock s join reservation_lines l using (sku, bucket) "
        "where l.key = %s order by s.sku, s.bucket for update of s) "
        f"update stock s set {change} from l where s.sku = l.sku and s.bucket = l.bucket"
    )
    connection.execute(query.encode(), (key,))
    return changed
