"""The table `attempts`: what a client tried under one Idempotency-Key, and the only place where it is decided.

    pending ──► done                 the order exists (same transaction)
       │  └───► failed               nothing was taken in this round and nothing can be: refused stock, declined card
       └──────► failing ──► failed   given up; first the charge is voided or refunded and the stock released
    failed ───► pending              the client tries again: the next round, with keys of its own

Every change is conditional on round and state, so of two that want to decide (a slow request, the reconciler, a second
click) one wins and the other knows that it lost. A round that was lost with a primary is written anew by its change.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection, errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from services.common.db import Database
from services.common.errors import Unavailable
from services.orders.door import used

COLUMNS = "key, fingerprint, round, state, failure, body, admission"


@dataclass(frozen=True)
class PricedLine:
    """So many pieces of an item, at the price the shopper saw when the attempt began."""

    sku: str
    name: str
    quantity: int
    price_cents: int


@dataclass(frozen=True)
class Attempt:
    """States as in the picture above; `failure` says why: declined, out_of_stock or given_up. `admission` is what the
    round was let in with; none when none was needed, or when the round is over and no order came of it.
    """

    key: str
    fingerprint: str
    round: int
    state: str
    failure: str
    body: dict[str, Any]
    admission: str | None = None

    @property
    def lines(self) -> tuple[PricedLine, ...]:
        """What was ordered."""
        return tuple(PricedLine(**line) for line in self.body["lines"])

    @property
    def total_cents(self) -> int:
        """What it costs."""
        return sum(line.quantity * line.price_cents for line in self.lines)

    @property
    def charge_key(self) -> str:
        """Under this key the round reserves and charges; it gives nothing away about the client's key."""
        return f"{hashlib.sha256(self.key.encode()).hexdigest()[:40]}-{self.round}"


class Attempts:
    """All attempts there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: str) -> Attempt | None:
        """The attempt under a key, if there is one."""
        return self._one(f"select {COLUMNS} from attempts where key = %s", (key,))

    def open(self, key: str, fingerprint: str, lines: Sequence[PricedLine], admission: str | None = None) -> Attempt:
        """Begin, or find what another request with the same key has begun in the meantime. Raises NotAdmitted when the
        admission stands in another attempt that has not failed.
        """
        body = Jsonb({"lines": [asdict(line) for line in lines]})
        query = (
            "insert into attempts (key, fingerprint, body, admission) values (%s, %s, %s, %s) "
            f"on conflict (key) do nothing returning {COLUMNS}"
        )
        try:
            return self._one(query, (key, fingerprint, body, admission)) or self._known(key)
        except errors.UniqueViolation:
            twin = self.find(key)
            if twin is None:
                raise used(admission or "") from None
            return twin

    def resume(self, attempt: Attempt) -> None:
        """Somebody works on it again: the reconciler leaves it alone for another while. Raises NotAdmitted when it was
        lost, and its admission was used for another order meanwhile.
        """
        self._change(attempt, "pending", "pending")

    def fail(self, attempt: Attempt, failure: str) -> bool:
        """End a round in which nothing was taken and nothing can be any more. False: somebody else decided first."""
        return self._change(attempt, "pending", "failed", failure)

    def give_up(self, attempt: Attempt, failure: str) -> bool:
        """Decide that this round makes no order; what it took must be undone next. False: somebody else decided
        first.
        """
        return self._change(attempt, "pending", "failing", failure)

    def close(self, attempt: Attempt) -> bool:
        """Everything of a round that was given up is undone."""
        return self._change(attempt, "failing", "failed")

    def next_round(self, attempt: Attempt, admission: str | None) -> Attempt:
        """Try again after a failure; also fine when another request has just done so. Raises NotAdmitted when the
        admission stands in another attempt that has not failed.
        """
        query = (
            "update attempts set state = 'pending', failure = '', round = round + 1, admission = %s, "
            f"updated_at = now() where key = %s and round = %s and state = 'failed' returning {COLUMNS}"
        )
        try:
            return self._one(query, (admission, attempt.key, attempt.round)) or self._known(attempt.key)
        except errors.UniqueViolation:
            raise used(admission or "") from None

    def unsettled(self, older_than_s: float, limit: int) -> list[Attempt]:
        """What nobody has worked on for a while, and leave it to the caller for another while."""
        query = (
            "update attempts set updated_at = now() where key in (select key from attempts "
            "where state in ('pending', 'failing') and updated_at < now() - make_interval(secs => %s) "
            f"order by updated_at limit %s for update skip locked) returning {COLUMNS}"
        )
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Attempt)) as cursor:
            return cursor.execute(query.encode(), (older_than_s, limit)).fetchall()

    def _known(self, key: str) -> Attempt:
        known = self.find(key)
        if known is None:
            raise Unavailable("this attempt was lost with a primary")
        return known

    def _one(self, query: str, parameters: tuple[Any, ...]) -> Attempt | None:
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Attempt)) as cursor:
            return cursor.execute(query.encode(), parameters).fetchone()

    def _change(self, attempt: Attempt, before: str, after: str, failure: str | None = None) -> bool:
        with self._database.transaction() as connection:
            return decide(connection, attempt, before, after, failure)


def decide(connection: Connection[Any], attempt: Attempt, before: str, after: str, failure: str | None = None) -> bool:
    """Move a round from one state to another inside the caller's transaction; False when it is not in `before`.

    An attempt is never deleted, yet a primary that is lost can take its newest rounds with it when it replicates
    asynchronously. Who still works on such a round writes it anew: what it took elsewhere would else belong to nobody.
    The same goes for an earlier round that came back: a later one follows it when it has failed, as always, not before.

    A round's admission stands in it as long as it may make an order. Raises NotAdmitted when that was used for another
    meanwhile.
    """
    query = (
        "insert into attempts as known (key, fingerprint, round, state, failure, body, admission) "
        "values (%(key)s, %(fingerprint)s, %(round)s, %(after)s, coalesce(%(failure)s, ''), %(body)s, %(admission)s) "
        "on conflict (key) do update set round = excluded.round, state = excluded.state, "
        "failure = coalesce(%(failure)s, known.failure), admission = excluded.admission, updated_at = now() "
        "where (known.round < excluded.round and known.state = 'failed') "
        "or (known.round = excluded.round and known.state = %(before)s)"
    )
    admission = attempt.admission if after in ("pending", "done") else None
    values = {"body": Jsonb(attempt.body), "before": before, "after": after, "failure": failure, "admission": admission}
    try:
        return connection.execute(query, vars(attempt) | values).rowcount == 1
    except errors.UniqueViolation:
        raise used(attempt.admission or "") from None
