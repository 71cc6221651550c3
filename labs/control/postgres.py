"""What faults do to a Postgres node: turn its settings, hold its locks, take its connections.

What is held is held by this process, so it ends with control however control ends; and the server itself ends it after
its time.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from compose.runtime.verbs import RuntimeFailed, first_line
from labs.control.probes import Probes

ROLE, PASSWORD = "catalog", "CATALOG_DB_PASSWORD"
LOCK_WITHIN_S = 2


class Postgres:
    """Every node of the shop, as its administrator. Every method is bounded in time and raises RuntimeFailed."""

    def __init__(self, probes: Probes, addresses: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self._probes, self._addresses, self._secrets = probes, addresses, secrets
        self._held: dict[tuple[str, str], list[psycopg.Connection[Any]]] = {}

    def run(self, node: str, *statements: SQL | Composed) -> None:
        """Run statements, each by itself."""
        try:
            with self._probes.sql(node) as connection:
                connection.autocommit = True
                for statement in statements:
                    connection.execute(statement)
        except psycopg.Error as error:
            raise RuntimeFailed(f"{node}: {first_line(error)}") from error

    def configure(self, node: str, setting: str, value: str) -> None:
        """Change a setting, while it runs and for good."""
        change = SQL("alter system set {} = {}").format(Identifier(setting), Literal(value))
        self.run(node, change, SQL("select pg_reload_conf()"))

    def unconfigure(self, node: str, setting: str) -> None:
        """Give a setting its own value back."""
        change = SQL("alter system reset {}").format(Identifier(setting))
        self.run(node, change, SQL("select pg_reload_conf()"))

    def lock(self, node: str, table: str, hold_s: float) -> None:
        """Lock a table against everybody for `hold_s` seconds, or until it is let go of."""
        bounds = SQL("set lock_timeout = {}; set idle_in_transaction_session_timeout = {}").format(
            Literal(LOCK_WITHIN_S * 1000), Literal(round(hold_s * 1000))
        )
        connection = self._probes.sql(node)
        try:
            connection.execute(bounds)
            connection.commit()
            connection.execute(SQL("lock table {} in access exclusive mode").format(Identifier(*table.split("."))))
        except psycopg.Error as error:
            connection.close()
            raise RuntimeFailed(f"{table} could not be locked: {first_line(error)}") from error
        self._held[node, "lock"] = [connection]

    def crowd(self, node: str, connections: int, hold_s: float) -> None:
        """Open that many connections and leave them idle for `hold_s` seconds; fewer when the server is full before.
        What it keeps for administrators is left to them.
        """
        held = self._held[node, "crowd"] = []
        try:
            while len(held) < connections:
                held.append(self._idle(node, hold_s))
        except psycopg.OperationalError as error:
            if not held:
                raise RuntimeFailed(f"{node}: {first_line(error)}") from error

    def let_go(self, node: str, what: str) -> None:
        """End what is held: `lock` or `crowd`. Fine when the server has ended it already."""
        for connection in self._held.pop((node, what), []):
            connection.close()

    def _idle(self, node: str, hold_s: float) -> psycopg.Connection[Any]:
        host, port = self._addresses[node].split(":")
        return psycopg.connect(
            host=host,
            port=port,
            dbname="shop",
            user=ROLE,
            password=self._secrets[PASSWORD],
            connect_timeout=2,
            options=f"-c idle_session_timeout={round(hold_s * 1000)}",
        )
