"""The table `charges`: the first outcome recorded under a key is the outcome, whoever asks and however often."""

from dataclasses import dataclass

from psycopg.rows import class_row

from services.common.db import Database
from services.common.errors import NotFound

COLUMNS = "key, state, amount_cents"


@dataclass(frozen=True)
class Charge:
    """States: charged, declined, refunded, voided (then there is no amount)."""

    key: str
    state: str
    amount_cents: int | None


class Charges:
    """All charges there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: str) -> Charge:
        """What was recorded under a key. Raises NotFound."""
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Charge)) as cursor:
            found = cursor.execute(f"select {COLUMNS} from charges where key = %s".encode(), (key,)).fetchone()
        if found is None:
            raise NotFound(f"no charge {key}")
        return found

    def record(self, key: str, state: str, amount_cents: int) -> tuple[Charge, bool]:
        """Record an outcome unless there is one already; tells which one counts, and whether it is this one."""
        query = (
            "insert into charges (key, state, amount_cents) values (%s, %s, %s) on conflict (key) do nothing "
            f"returning {COLUMNS}"
        )
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Charge)) as cursor:
            recorded = cursor.execute(query.encode(), (key, state, amount_cents)).fetchone()
        return (recorded, True) if recorded else (self.find(key), False)

    def refund(self, key: str) -> Charge:
        """Give the money back; without a charge, make sure there never is one. Harmless when repeated."""
        query = (
            "insert into charges (key, state) values (%s, 'voided') on conflict (key) do update "
            "set state = case charges.state when 'charged' then 'refunded' else charges.state end, updated_at = now() "
            f"returning {COLUMNS}"
        )
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Charge)) as cursor:
            refunded = cursor.execute(query.encode(), (key,)).fetchone()
        assert refunded is not None
        return refunded
