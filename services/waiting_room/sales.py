"""The table `sales`: the sale that is on, and its next number.

A number is given by one statement, so no two people get the same one and nobody gets an earlier one than who came
before, however many replicas there are and whenever one of them restarts. An asynchronous failover may lose the
last numbers: the room remembers them, one that was restarted meanwhile reads them on the tickets it is shown, and the
table goes on after them.
"""

from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from services.common.bulkhead import Bulkhead
from services.common.db import Database

AT_ONCE, PATIENCE_S = 6, 0.15
COLUMNS = "sale_id, sku, name, stock, rate, base, since, taken"
NEXT = "greatest(taken, %(given)s) + 1"
TAKE = f"""
update sales set taken = {NEXT},
    base = case when base + rate * (%(now)s - since) >= {NEXT} then {NEXT} else base end,
    since = case when base + rate * (%(now)s - since) >= {NEXT} then %(now)s else since end
where sale_id = %(sale_id)s and ended_at is null returning {COLUMNS}
"""
"""While the line is empty the counter waits for the next to come: it must not run ahead, or whoever comes after a quiet
minute would be let in all at once.
"""
LEARN = f"""
update sales set taken = greatest(taken, %(given)s)
where sale_id = %(sale_id)s and ended_at is null returning {COLUMNS}
"""


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A sale of `stock` pieces. Up to `base` everybody was admitted at `since` (seconds since 1970), since then `rate`
    people a second. `taken` numbers were given out, beginning with 1.
    """

    sale_id: str
    sku: str
    name: str
    stock: int
    rate: float
    base: float
    since: float
    taken: int

    def admitted(self, now: float) -> float:
        """The last number that may come in, of those that were given out before this look at the sale: after a quiet
        minute it would let in all who have come since.
        """
        return min(self.base + self.rate * max(0.0, now - self.since), self.taken)

    def wait_s(self, number: int, now: float) -> float | None:
        """Until that number may come in; None while nobody is let in, so that nobody can say."""
        missing = number - self.admitted(now)
        if missing <= 0:
            return 0.0
        return missing / self.rate if self.rate > 0 else None


class Sales:
    """All sales there were. Those who take a number have some of the threads only: while the database is silent, who
    has a number already is still told where they stand.
    """

    def __init__(self, database: Database, at_once: int = AT_ONCE) -> None:
        self._database, self._newcomers = database, Bulkhead("the list of numbers", at_once)

    def on(self) -> Sale | None:
        """The sale that is on. Raises Unavailable or TimedOut."""
        return self._one(f"select {COLUMNS} from sales where ended_at is null", {})

    def take(self, sale_id: str, now: float, given: int = 0) -> Sale | None:
        """The sale after one more number was taken: the last one of it, higher than `given`. None when it has ended.
        Raises Unavailable or TimedOut.
        """
        with self._newcomers.place(PATIENCE_S):
            return self._one(TAKE, {"sale_id": sale_id, "now": now, "given": given})

    def learn(self, sale_id: str, given: int) -> Sale | None:
        """The sale, which knows from now on that all numbers up to `given` are somebody's. None when it has ended.
        Raises Unavailable or TimedOut.
        """
        return self._one(LEARN, {"sale_id": sale_id, "given": given})

    def _one(self, query: str, parameters: dict[str, Any]) -> Sale | None:
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Sale)) as cursor:
            return cursor.execute(query.encode(), parameters).fetchone()
