"""The table `shipments`."""

from typing import Any

from psycopg.types.json import Jsonb

from services.common.db import Database


class Shipments:
    """One parcel per order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def exists(self, order_id: str) -> bool:
        """Is the order's parcel packed already?"""
        with self._database.transaction() as connection:
            found = connection.execute("select from shipments where order_id = %s", (order_id,))
            return found.rowcount == 1

    def add(self, order_id: str, items: list[dict[str, Any]]) -> bool:
        """Note that the order's parcel is packed; False when it was noted before."""
        query = "insert into shipments (order_id, items) values (%s, %s) on conflict (order_id) do nothing"
        with self._database.transaction() as connection:
            return connection.execute(query, (order_id, Jsonb(items))).rowcount == 1
