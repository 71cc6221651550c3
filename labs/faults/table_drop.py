"""Somebody drops a table by mistake. For everybody it is gone; its rows lie where only the undo looks for them, in a
schema of its own, so that a fault loses nothing for good. Whoever has no such undo needs a backup.
"""

from collections.abc import Mapping
from typing import Any

from psycopg.sql import SQL, Identifier

from labs.faults.db_lock import TABLES
from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient

DROPPED = "dropped_"
BRING_BACK = SQL("""
do $$ declare lost record; begin
    for lost in select schemaname as aside, tablename as name from pg_tables where schemaname like 'dropped\\_%' loop
        execute format('alter table %I.%I set schema %I', lost.aside, lost.name, substr(lost.aside, 9));
    end loop;
end $$
""")


def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
    """In one transaction, so that the table is in one place at any moment."""
    schema, table = given["table"].split(".")
    drop = SQL("create schema if not exists {aside}; alter table {schema}.{table} set schema {aside}")
    shop.postgres.run(
        target, drop.format(aside=Identifier(DROPPED + schema), schema=Identifier(schema), table=Identifier(table))
    )


def undo(shop: Patient, target: str) -> None:
    """Whoever is the primary now; what has been restored since is there already."""
    shop.postgres.run("", BRING_BACK)


FAULT = Fault(
    name="table_drop",
    kinds=("primary",),
    sees="errors wherever the table is needed, at once and on every server; the rest goes on",
    teaches="a replica is no backup: it drops the table, too; what helps is a backup with the log, and having tried it",
    parameters={"table": Parameter("orders.outbox", "", "which one is dropped", choices=TABLES)},
    apply=apply,
    undo=undo,
    outlives=True,
)
