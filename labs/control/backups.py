"""Backup and restore of a whole shop: Postgres goes back to an earlier moment, and all that is not in Postgres is
fitted to it.

- The writers are away meanwhile: orders (the reconciler among it) and all workers. No step of an order is half before
  and half after.
- What is in the queues is thrown away: it was announced by a state that is no more. Then every event that the restored
  outbox knows and that left no trace is announced again; consumers are idempotent.
- Flags are what they were then, also for replicas, which look for them in Memcached. Carts stay, they are not in
  Postgres.

Inside, the restored state is one moment of one database, so every invariant holds as it did then, and `check` is right.
Outside, it is not that moment: who ordered after it was told so, was charged, may have the parcel. Nothing restores
that; it is counted, and what was lost is written to `restores.jsonl` in the shop's folder.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from pika.exceptions import AMQPError

from compose.archive import Backup, iso
from compose.backups import Backups
from compose.runtime.verbs import Runtime, RuntimeFailed, first_line
from labs.control.flags import FlagBoard
from labs.control.probes import Probes
from labs.control.repairs import Repairs
from labs.control.roles import Roles

WITNESSES = {
    "orders": "select order_id as id from orders.orders where placed_at > '{since}'",
    "charges": "select key as id from payments.charges where state = 'charged' and created_at > '{since}'",
    "parcels": "select order_id as id from fulfilment.parcels where packed_at > '{since}'",
    "letters": "select event_id as id from notifications.messages where created_at > '{since}'",
}
"""What somebody outside knows of: each written not long before its transaction's end."""
OVERLAP_S = 30.0

Away = Callable[[], AbstractContextManager[None]]
Ids = Mapping[str, set[str] | None]


@dataclass(frozen=True)
class Parts:
    """What of the running shop has to do with a restore."""

    runtime: Runtime
    roles: Roles
    probes: Probes
    flags: FlagBoard
    repairs: Repairs
    writers_away: Away
    folder: Path


class ShopBackups:
    """Of one running shop. The caller holds its lock. Raises RuntimeFailed, UnknownComponent."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._postgres = parts, parts.roles.servers
        self._backups = Backups(parts.runtime, self._postgres, parts.roles.note)

    def take(self) -> dict[str, Any]:
        """Take a backup now: id, at, seconds, mb."""
        return _shown(self._backups.take())

    def all(self) -> dict[str, Any]:
        """Every backup, oldest first, with `until` when it can be restored (`now`, or a moment); and the archive."""
        found = self._backups.archive()
        until = [iso(moment) if moment else "now" for moment in self._backups.reach(found)]
        backups = [_shown(backup) | {"until": moment} for backup, moment in zip(found.backups, until, strict=True)]
        return {
            "backups": backups,
            "archive": {"mb": found.megabytes, "full": found.full, "failing": self._failing()},
        }

    def restore(self, to: str) -> dict[str, Any]:
        """Bring a moment or a backup back. `tables` are counted and digested before anything is written to them; `lost`
        are the ids of what was there and is not in the restored state (None: could not be counted).
        """
        plan = self._backups.plan(to)
        self._parts.probes.queue_depths()  # raises when the broker is away: its messages could not be thrown away
        began, at = time.monotonic(), plan.moment or plan.backup.at
        with self._parts.writers_away():
            before, after, tables = self._outsiders_know(at), dict[str, set[str] | None](), list[dict[str, Any]]()

            def look(node: str) -> None:
                with suppress(RuntimeFailed):  # then there are none to show, which says enough
                    after.update(self._outsiders_know(at, node))
                    tables.extend(self._postgres.digests(node))

            aside = self._parts.roles.moving(lambda: self._backups.restore(plan, look))
            report = {
                "at": iso(datetime.now(UTC)),
                "to": iso(at),
                "backup": plan.backup.id,
                "aside": aside,
                "tables": tables,
                "lost": {what: _lost(before[what], after.get(what)) for what in WITNESSES},
            }
            with suppress(OSError), (self._parts.folder / "restores.jsonl").open("a") as file:
                file.write(json.dumps(report) + "\n")
            self._fit_the_rest()
        return report | {"seconds": round(time.monotonic() - began, 2)}

    def digests(self) -> list[dict[str, Any]]:
        """table, rows and digest of every table, now."""
        primary = self._parts.roles.primary()
        if primary is None:
            raise RuntimeFailed("no Postgres takes writes")
        return self._postgres.digests(primary)

    def forget_aside(self) -> None:
        """Remove the data that restores have put aside."""
        self._backups.forget_aside()

    def _fit_the_rest(self) -> None:
        try:
            self._parts.probes.purge_queues()
            self._parts.flags.renew()
            self._parts.repairs.resend()
        except (RuntimeFailed, psycopg.Error, AMQPError) as error:
            raise RuntimeFailed(
                f"the tables are restored, but queues and flags do not fit them yet: {first_line(error)}"
            ) from error

    def _outsiders_know(self, at: datetime, node: str = "") -> Ids:
        since = datetime.fromtimestamp(at.timestamp() - OVERLAP_S, UTC).isoformat()
        return {what: self._ids(query.format(since=since), node) for what, query in WITNESSES.items()}

    def _ids(self, query: str, node: str) -> set[str] | None:
        """None when the table, or the whole server, is not there."""
        with suppress(RuntimeFailed):
            node = node or self._parts.roles.primary() or self._any()
            return {row["id"] for row in self._postgres.ask(node, query)}
        return None

    def _any(self) -> str:
        return next((node for node in self._postgres.nodes if self._postgres.answers(node)), self._postgres.nodes[0])

    def _failing(self) -> str | None:
        """When the primary could not archive a file of its log, if that is still so: it keeps it, and tries again."""
        query = """select last_failed_time::text as since from pg_stat_archiver
                   where last_failed_time > coalesce(last_archived_time, '-infinity')"""
        with suppress(RuntimeFailed), self._parts.probes.sql() as connection:
            found = connection.execute(query).fetchone()
            return str(found["since"]) if found else None
        return None


def _shown(backup: Backup) -> dict[str, Any]:
    return {"id": backup.id, "at": iso(backup.at), "seconds": backup.seconds, "mb": round(backup.bytes / 1e6, 1)}


def _lost(before: set[str] | None, after: set[str] | None) -> Sequence[str] | None:
    return None if before is None or after is None else sorted(before - after)
