"""The tables `shipments` (which orders are done) and `parcels` (what left the warehouse)."""

from typing import Any

from psycopg.types.json import Jsonb

from services.common.db import Database


class Shipments:
    """One parcel per order, however often it is asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def exists(self, order_id: str) -> bool:
        """Is the order's parcel packed already?"""
        with self._database.transaction() as connection:
            found = connection.execute("select from shipments where order_id = %s", (order_id,))
            return found.rowcount == 1

    def add(self, order_id: str, items: list[dict[str, Any]]) -> bool:
        """Send a parcel and note that the order is done, both or neither; False when it was done before."""
        query = (
            "with noted as (insert into shipments (order_id, items) values (%s, %s) on conflict (order_id) do nothing "
            "returning order_id, items) insert into parcels (order_id, items) select order_id, items from noted"
        )
        with self._database.transaction() as connection:
            return connection.execute(query, (order_id, Jsonb(items))).rowcount == 1


class ForgetfulShipments(Shipments):
    """The naive way: what was packed before is not looked up, so an order that comes again is packed again."""

    def exists(self, order_id: str) -> bool:
        return False

    def add(self, order_id: str, items: list[dict[str, Any]]) -> bool:
        query = (
            "with noted as (insert into shipments (order_id, items) values (%(order)s, %(items)s) "
            "on conflict (order_id) do nothing) insert into parcels (order_id, items) values (%(order)s, %(items)s)"
        )
        with self._database.transaction() as connection:
            return connection.execute(query, {"order": order_id, "items": Jsonb(items)}).rowcount == 1
