"""Backup and restore of the shop's Postgres, whoever is the primary.

    backup     a base backup of the primary into the archive; from the first one on the log is kept as well
    restore    end the primary, put its data aside, and recover in a new folder:
               base backup, then the log up to the moment that is wanted
               there the server waits; if it does not get there, the old data is put back
               promoted, it begins a new timeline, and takes no writes until somebody has looked at it
               the other server is copied anew from it

The old data stays aside until the shop is reset (that of the latest three restores). A restore that went too far back
is followed by another one, to a later moment: the log of what was left is kept.

The archive is bounded: the newest three backups, and at most ARCHIVE_MB of log (compose.yaml). An idle shop archives
nothing. The archive costs no process before the first backup but the server's own archiver, which sleeps.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from compose import archive
from compose.archive import Archive, Backup, Plan, iso
from compose.failover import Failover, Move, Note
from compose.postgres import Postgres
from compose.runtime.verbs import Runtime, RuntimeFailed

KEEP = 3
STOP_GRACE_S = 10.0  # it archives the rest of its log
ASIDE = 3
RECOVER_WITHIN_S = 90.0
SCRIPTS = "compose/images/postgres"
LEAVE = """
ls -d "$DATA"/aside-* 2>/dev/null | head -n -{kept} | xargs -r rm -rf
cat >"$DATA/restore" <<'END'
{plan.backup.id}
{aside}
{plan.settings}
END
echo "$DATA/{aside}"
"""
CALL_OFF = 'rm -rf "$DATA/restore" "$DATA/db.new"'
"""What was put aside already is put back by the server's next start, as long as ARRIVED was not said."""
ARRIVED = 'rm "$DATA/restoring"'
THROW_AWAY = 'rm -rf "$DATA"/aside-*'
MARK = "select pg_logical_emit_message(true, 'restore', '')"
"""A commit after the moment that is wanted: recovery knows that it has got there when it meets one that is later."""

Look = Callable[[str], object]


class Backups:
    """Of one running shop. `note` gets every step of a restore as it is done. Raises RuntimeFailed."""

    def __init__(self, runtime: Runtime, postgres: Postgres, note: Note) -> None:
        self._runtime, self._postgres, self._note = runtime, postgres, note
        self._failover = Failover(runtime, postgres, note)

    def archive(self) -> Archive:
        """What there is."""
        node = self._failover.primary() or self._postgres.nodes[0]
        return archive.read(self._runtime.shell(node, f"{SCRIPTS}/backups"))

    def take(self) -> Backup:
        """Take a backup now. The oldest go, and what is archived for them only."""
        primary = self._failover.primary()
        if primary is None:
            raise RuntimeFailed("no Postgres takes writes, so there is nothing to back up; start it: ./shoplab heal")
        number = 1 + max((int(backup.id[1:]) for backup in self.archive().backups), default=0)
        try:
            self._runtime.shell(primary, f"{SCRIPTS}/backup b{number} {KEEP}")
        except RuntimeFailed as error:
            lines = str(error).splitlines()
            why = next((line for line in lines if "error:" in line), lines[-1])
            raise RuntimeFailed(f"no backup was taken, and those there are are as they were: {why}") from error
        return self.archive().backups[-1]

    def reach(self, found: Archive) -> Sequence[datetime | None]:
        """Up to when each backup can be restored; None is now."""
        held, current = self._log()
        return [found.until(backup, held, current) for backup in found.backups]

    def plan(self, to: str) -> Plan:
        """How to restore a moment or a backup. Raises UnknownComponent, RuntimeFailed: then it cannot be done."""
        found = self.archive()
        plan = found.plan(to, datetime.now(UTC))
        held, current = self._log()
        until = found.until(plan.backup, held, current, plan.timeline)
        if current and plan.moment and until and plan.moment > until:
            raise RuntimeFailed(f"{plan.backup.id} reaches to {iso(until)} only: the log after that was not kept")
        return plan

    def restore(self, plan: Plan, look: Look) -> str:
        """Bring a state back; where the data there was is put aside. `look` is called with the server when it is
        promoted and takes no writes yet: not before, as the transaction that is not wanted holds its locks until then.
        """
        move, node = Move(self._note), self._place()
        other = next(each for each in self._postgres.nodes if each != node)
        was_there = self._failover.primary() == node
        if was_there:
            self._postgres.ask(node, MARK)
        aside = self._end(node, plan)
        move.done(node, f"ended; {plan.backup.id} and the log after it take its place")
        try:
            self._recover(node)
            self._runtime.copy_anew(other)  # whatever happens from here on, it comes back as a copy of the restored one
            self._runtime.shell(node, ARRIVED)
            move.done(node, f"recovered to {iso(plan.moment) if plan.moment else 'the end of the backup'}")
        except RuntimeFailed as error:
            self._call_off(node, was_there)
            move.done(node, "put back: its data is what it was")
            raise RuntimeFailed(f"nothing is restored, {node} is what it was: {error}") from error
        self._postgres.end_recovery(node)
        look(node)
        self._postgres.allow_writes(node)
        move.done(node, "promoted: it takes writes")
        self._rebuild(other, node, move)
        return aside

    def forget_aside(self) -> None:
        """Remove what restores have put aside."""
        for node in self._postgres.nodes:
            self._runtime.shell(node, THROW_AWAY)

    def _log(self) -> tuple[list[str], str]:
        """What the primary has of its log; nothing when there is none."""
        with suppress(RuntimeFailed):
            if primary := self._failover.primary():
                return self._postgres.log_files(primary)
        return [], ""

    def _place(self) -> str:
        """Which server is restored: the primary; without one, the one that does not follow either."""
        roles = self._postgres.roles()
        primary = self._failover.primary()
        return primary or next((node for node, role in roles.items() if role is None), self._postgres.nodes[0])

    def _end(self, node: str, plan: Plan) -> str:
        """End it in good order, and have it start as something else; where its data will be."""
        if self._runtime.state(node) != "stopped":
            self._runtime.stop(node, STOP_GRACE_S)
        aside = f"aside-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        return self._runtime.shell(node, LEAVE.format(plan=plan, aside=aside, kept=ASIDE - 1)).strip()

    def _recover(self, node: str) -> None:
        """Start it, and wait until it has come to where it shall stop."""
        self._runtime.start(node)
        deadline = time.monotonic() + RECOVER_WITHIN_S
        while not self._waits(node):
            if self._runtime.state(node) == "stopped" or time.monotonic() > deadline:
                log = "\n".join(self._runtime.logs(node, 8))
                raise RuntimeFailed(f"the recovery did not get there; the end of its log:\n{log}")
            time.sleep(0.05)

    def _waits(self, node: str) -> bool:
        with suppress(RuntimeFailed):
            state = self._postgres.ask(node, "select pg_get_wal_replay_pause_state() as state")[0]["state"]
            return bool(state == "paused")
        return False

    def _call_off(self, node: str, start: bool) -> None:
        if self._runtime.state(node) != "stopped":
            self._runtime.kill(node, "SIGKILL")
        self._runtime.shell(node, CALL_OFF)
        if start:
            self._runtime.start(node)

    def _rebuild(self, other: str, restored: str, move: Move) -> None:
        """What the other server has, the restored one never knew."""
        try:
            self._failover.rebuild(other, restored, move)
        except RuntimeFailed as error:
            move.done(other, f"is not a replica yet: {error}; bring it back with: ./shoplab rejoin")
