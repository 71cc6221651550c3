"""The shop's Postgres servers as their administrator sees them, past the wire: who is the primary, who follows it, and
the statements that move the roles. Every method is bounded in time.
"""

import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from compose.runtime.verbs import RuntimeFailed, first_line

Role = Literal["primary", "replica"]
ANSWER_S, ASK_S = 0.5, 3.0
PROMOTE_S = 10
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""What a client may ask first (PostgreSQL's manual, "Message Formats"): it costs no login and takes no connection, so a
server that has none left still answers. A frozen one does not."""

UNFINISHED = "select pid from pg_stat_activity where backend_xid is not null and backend_type = 'client backend'"
REPLICATION = """
select state, sync_state, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint as behind_bytes,
    round(extract(epoch from replay_lag) * 1000, 1)::float8 as behind_ms from pg_stat_replication
where application_name = 'copy'
"""
LOG_FILES = """
select name, pg_walfile_name(pg_current_wal_lsn()) as current from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'
"""
TABLES = """
select format('%I.%I', schemaname, tablename) as name from pg_tables
where schemaname !~ '^(pg_|information_schema|dropped_|flags)' and tablename !~ '^_?yoyo' order by 1
"""
DIGEST = """
select '{name}' as "table", count(*) as rows, coalesce(sum(hashtextextended(each::text, 0)), 0)::text as digest
from {name} as each
"""
DIGESTS_WITHIN_S = 20.0


class Bounded(psycopg.Connection[dict[str, Any]]):
    """A connection that gives up by itself: a server that is frozen meanwhile keeps to no timeout of its own."""

    bound_s = ASK_S

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.bound_s)
        except psycopg.OperationalError:
            self.pgconn.finish()
            raise


class Postgres:
    """Servers by name. Those that change something raise RuntimeFailed."""

    def __init__(self, addresses: Mapping[str, str], password: str) -> None:
        self._addresses, self._password = addresses, password

    @property
    def nodes(self) -> Sequence[str]:
        """All of them."""
        return list(self._addresses)

    def answers(self, node: str) -> bool:
        """Is it alive? Takes half a second at most."""
        host, _, port = self._addresses[node].partition(":")
        with suppress(OSError), socket.create_connection((host, int(port)), ANSWER_S) as connection:
            connection.sendall(SSL_REQUEST)
            return connection.recv(1) in (b"N", b"S")
        return False

    def role(self, node: str) -> Role | None:
        """What it says it is; None when it says nothing."""
        if not self.answers(node):
            return None
        with suppress(RuntimeFailed):
            return "replica" if self.ask(node, "select pg_is_in_recovery() as follows")[0]["follows"] else "primary"
        return None

    def roles(self) -> Mapping[str, Role | None]:
        """All of them, asked at once."""
        with ThreadPoolExecutor(len(self._addresses)) as pool:
            return dict(zip(self._addresses, pool.map(self.role, self._addresses), strict=True))

    def promote(self, node: str) -> None:
        """Have a replica take writes; returns when it does."""
        self.set_synchronous(node, False)  # nobody follows it yet: every commit would wait
        if not self.ask(node, f"select pg_promote(true, {PROMOTE_S}) as done", PROMOTE_S + ASK_S)[0]["done"]:
            raise RuntimeFailed(f"{node} did not become the primary within {PROMOTE_S} s")

    def end_recovery(self, node: str) -> None:
        """Have a server that waits where its recovery stops begin a timeline of its own; returns when it has."""
        self.set_synchronous(node, False)
        self.ask(node, "select pg_wal_replay_resume()")
        late = f"{node} did not end its recovery within {PROMOTE_S} s"
        _until(time.monotonic() + PROMOTE_S, lambda: self.role(node) != "primary", late)

    def hold_writes(self, node: str) -> None:
        """Let transactions finish that have begun, and begin none that writes, until the server is started anew."""
        self.ask(node, "alter system set default_transaction_read_only = on")
        self.ask(node, "select pg_reload_conf()")

    def allow_writes(self, node: str) -> None:
        """Take that back."""
        self.ask(node, "alter system reset default_transaction_read_only")
        self.ask(node, "select pg_reload_conf()")

    def catch_up(self, node: str, within_s: float) -> None:
        """Wait until the replica of this primary, whose writes are held, has received all that was confirmed. (What is
        not flushed yet, nobody waits for: the server writes a little for itself.) Raises RuntimeFailed, which says what
        was missing.
        """
        deadline = time.monotonic() + within_s
        _until(deadline, lambda: self.ask(node, UNFINISHED), f"{node} has transactions that do not finish")
        written = self.ask(node, "select pg_current_wal_flush_lsn()::text as lsn")[0]["lsn"]
        has_all = f"select pid from pg_stat_replication where application_name = 'copy' and flush_lsn >= '{written}'"
        _until(deadline, lambda: not self.ask(node, has_all), f"the replica of {node} does not catch up")

    def set_synchronous(self, node: str, on: bool) -> None:
        """Whether each commit at this primary waits until its replica has it on disk."""
        change = "set synchronous_standby_names = 'copy'" if on else "reset synchronous_standby_names"
        self.ask(node, f"alter system {change}")
        self.ask(node, "select pg_reload_conf()")

    def follower(self, primary: str) -> dict[str, Any] | None:
        """How its replica gets on: state (`streaming` is good), sync_state (`sync`, `async`), behind_bytes, behind_ms
        (None when nothing was written lately). None when there is no replica.
        """
        found = self.ask(primary, REPLICATION)
        return found[0] if found else None

    def log_files(self, primary: str) -> tuple[list[str], str]:
        """The names of the files of the log that it has, and of the one it is writing."""
        found = self.ask(primary, LOG_FILES)
        return [row["name"] for row in found], found[0]["current"]

    def digests(self, node: str) -> list[dict[str, Any]]:
        """table, rows, digest: for every table of the shop but its flags, all at one moment. Two tables with the same
        rows have the same digest, in whatever order they lie.
        """
        names = [row["name"] for row in self.ask(node, TABLES)]
        return self.ask(node, " union all ".join(DIGEST.format(name=name) for name in names), DIGESTS_WITHIN_S)

    def ask(self, node: str, statement: str, within_s: float = ASK_S) -> list[dict[str, Any]]:
        """Run one statement by itself; its rows."""
        host, _, port = self._addresses[node].partition(":")
        try:
            with Bounded.connect(
                host=host, port=port, dbname="shop", user="shop_admin", password=self._password, connect_timeout=2,
                autocommit=True, row_factory=dict_row,
            ) as connection:  # fmt: skip
                connection.bound_s = within_s
                cursor = connection.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise RuntimeFailed(f"{node}: {first_line(error)}") from error


def _until(deadline: float, not_yet: Callable[[], object], what_else: str) -> None:
    while not_yet():
        if time.monotonic() > deadline:
            raise RuntimeFailed(what_else)
        time.sleep(0.01)
