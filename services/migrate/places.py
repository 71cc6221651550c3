"""One role and one schema per service, of the same name; nobody sees what belongs to another."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal

SERVICES = ("catalog", "inventory", "payments", "orders", "fulfilment", "notifications", "waiting_room")


def make_places(connection: Connection[Any], passwords: Mapping[str, str]) -> None:
    """Make roles and schemas, and set the passwords; harmless when repeated."""
    connection.execute("revoke all on schema public from public")
    connection.execute("revoke all on database shop from public")
    roles = {row[0] for row in connection.execute("select rolname from pg_roles").fetchall()}
    for service in SERVICES:
        verb = SQL("alter role" if service in roles else "create role")
        password = Literal(passwords[service])
        connection.execute(SQL("{} {} login password {}").format(verb, Identifier(service), password))
        connection.execute(SQL("alter role {0} set search_path = {0}").format(Identifier(service)))
        connection.execute(SQL("grant connect on database shop to {}").format(Identifier(service)))
        connection.execute(SQL("create schema if not exists {0} authorization {0}").format(Identifier(service)))


def empty_tables(connection: Connection[Any]) -> None:
    """Truncate every table of the shop, but not yoyo's books of what was migrated."""
    found = connection.execute(
        "select schemaname, tablename from pg_tables where schemaname = any(%s) and tablename not like '%%yoyo%%'",
        (list(SERVICES),),
    ).fetchall()
    if found:
        names = SQL(", ").join(Identifier(schema, table) for schema, table in found)
        connection.execute(SQL("truncate {} restart identity cascade").format(names))
