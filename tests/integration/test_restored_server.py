"""A Postgres that is made from a backup and its log, and what becomes of it when that is cut short."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from compose import archive
from compose.backups import ARRIVED, LEAVE
from compose.postgres import Postgres
from compose.runtime.verbs import RuntimeFailed
from tests.integration.private_stores import Store, eventually, started

pytestmark = pytest.mark.servers
NODE = "postgres-1"


class Server:
    """One with a backup of the row 1, and 2 written after it; then comes `moment`, then 3."""

    def __init__(self, store: Store) -> None:
        self.store, self.sql = store, Postgres({NODE: store.address}, "adm'in")
        eventually(lambda: self.sql.role(NODE) == "primary")
        self.sql.ask(NODE, "create table public.kept as select 1 as n")
        store.run("compose/images/postgres/backup", "b1", "3")
        self.sql.ask(NODE, "insert into public.kept values (2)")
        self.moment = datetime.now(UTC).isoformat()
        self.sql.ask(NODE, "insert into public.kept values (3)")

    def rows(self) -> list[int]:
        return [row["n"] for row in self.sql.ask(NODE, "select n from public.kept order by n")]

    def restore(self, to: str) -> None:
        """As far as where it waits."""
        plan = archive.read(self.store.run("compose/images/postgres/backups")).plan(to, datetime.now(UTC))
        self.store.stop()
        self.store.run("bash", "-c", LEAVE.format(plan=plan, aside="aside-1", kept=2))
        self.store.start()
        eventually(self.waits)

    def waits(self) -> bool:
        try:
            return bool(self.sql.ask(NODE, "select pg_get_wal_replay_pause_state() as state")[0]["state"] == "paused")
        except RuntimeFailed:
            return False


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started("postgres", ADMIN_PASSWORD="adm'in") as store:
        yield Server(store)


def test_a_restore_that_is_cut_short_is_called_off_by_the_next_start(server: Server) -> None:
    server.restore(server.moment)
    assert server.rows() == [1, 2]
    server.store.kill()
    server.store.start()
    eventually(lambda: server.sql.role(NODE) == "primary")
    assert server.rows() == [1, 2, 3]


@pytest.mark.parametrize(("to", "rows"), [("b1", [1]), ("the moment", [1, 2])])
def test_what_is_restored_takes_writes_when_it_is_told_to_and_can_be_gone_on_from(
    server: Server, to: str, rows: list[int]
) -> None:
    server.restore(server.moment if to == "the moment" else to)
    server.store.run("bash", "-c", ARRIVED)
    server.sql.end_recovery(NODE)
    with pytest.raises(RuntimeFailed, match="read-only"):
        server.sql.ask(NODE, "insert into public.kept values (4)")
    server.sql.allow_writes(NODE)
    eventually(lambda: server.sql.ask(NODE, "show default_transaction_read_only") == [NOT_READ_ONLY])
    assert server.rows() == rows
    server.sql.ask(NODE, "create table if not exists public.more (n int)")


def test_a_backup_begins_anew_when_the_log_has_outgrown_its_bound(server: Server) -> None:
    for number in (2, 3):
        server.store.run("compose/images/postgres/backup", f"b{number}", "3")
    server.store.run("bash", "-c", 'touch "$ARCHIVE/full"')
    server.store.run("compose/images/postgres/backup", "b4", "3")
    found = archive.read(server.store.run("compose/images/postgres/backups"))
    assert ([backup.id for backup in found.backups], found.full) == (["b4"], False)


NOT_READ_ONLY = {"default_transaction_read_only": "off"}
