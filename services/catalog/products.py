"""The table `products`: SQL in verbs, typed rows out.

Search is a plain ILIKE over some 200 rows: the whole table is eight pages of memory, a scan takes half a millisecond.
It finds parts of words ("choc"), which full text search does not, and needs no extension, as trigrams would. The price:
no stemming, and no index can help, so with 100,000 products it would be the wrong choice.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from services.common.db import Database
from services.common.errors import NotFound

T = TypeVar("T")
PAGE_SIZE = 24

COLUMNS = "sku, name, description, category, price_cents"
MATCHING = """
from products
where (%(category)s = '' or category = %(category)s)
  and name || ' ' || description || ' ' || category ilike all (%(patterns)s::text[])
"""
NAMED_SO_FIRST = "order by name ilike all (%(patterns)s::text[]) desc, position"


@dataclass(frozen=True)
class Row:
    """A product as it stands in the table."""

    sku: str
    name: str
    description: str
    category: str
    price_cents: int


@dataclass(frozen=True)
class Shelf:
    """How many products a category has."""

    category: str
    products: int


class Products:
    """Reads only, a moment stale: they may come from the replica. Raises Unavailable or TimedOut if no node answers.

    `extra_s`: how much longer each read takes, as if the table were large and the query dear.
    """

    def __init__(self, database: Database, extra_s: Callable[[], float] = lambda: 0.0) -> None:
        self._database, self._extra_s = database, extra_s

    def get(self, sku: str) -> Row:
        """One product. Raises NotFound."""

        def query(connection: Connection[Any]) -> Row | None:
            cursor = connection.cursor(row_factory=class_row(Row))
            return cursor.execute(f"select {COLUMNS} from products where sku = %s", [sku]).fetchone()

        row = self._read(query)
        if row is None:
            raise NotFound(f"there is no product {sku}")
        return row

    def find(self, words: Sequence[str], category: str, page: int) -> tuple[list[Row], int]:
        """One page of what has all the words (and is of the category, if one is given), and how many there are."""
        asked = {
            "category": category,
            "patterns": [containing(word) for word in words],
            "limit": PAGE_SIZE,
            "offset": (page - 1) * PAGE_SIZE,
        }

        def query(connection: Connection[Any]) -> tuple[list[Row], int]:
            total = connection.cursor(row_factory=scalar_row).execute(f"select count(*) {MATCHING}", asked).fetchone()
            cursor = connection.cursor(row_factory=class_row(Row))
            cursor.execute(f"select {COLUMNS} {MATCHING} {NAMED_SO_FIRST} limit %(limit)s offset %(offset)s", asked)
            return cursor.fetchall(), total or 0

        return self._read(query)

    def shelves(self) -> list[Shelf]:
        """All categories, in the order in which their first products stand."""

        def query(connection: Connection[Any]) -> list[Shelf]:
            cursor = connection.cursor(row_factory=class_row(Shelf))
            counted = "select category, count(*) as products from products group by category order by min(position)"
            return cursor.execute(counted).fetchall()

        return self._read(query)

    def _read(self, query: Callable[[Connection[Any]], T]) -> T:
        def dear(connection: Connection[Any]) -> T:
            if (extra_s := self._extra_s()) > 0:
                connection.execute("select pg_sleep(%s)", [extra_s])  # the connection is taken for so long
            return query(connection)

        return self._database.read(dear)


def containing(word: str) -> str:
    """The ILIKE pattern for `word` anywhere; its own wildcards mean themselves."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
