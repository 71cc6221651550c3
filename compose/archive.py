"""What the archive of a shop's Postgres holds: base backups, and the log since the oldest of them.

A moment is reached from the newest backup before it, along the log. The log forks: every promotion and every restore
begins a timeline, whose history says where it left its parent. After a restore the timeline that was left is no longer
the shop's; but what was true on it stays reachable, as its log is kept:

    1 ────b1────────────X           dropped at X, restored to the second before
                 └──2───────b2──    a moment after the restore is on 2, one before it on 1
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from compose.runtime.verbs import RuntimeFailed, UnknownComponent, unknown

SEGMENT = 16 * 2**20
PROMOTED = "no recovery target specified"
"""What Postgres writes into the history of a timeline that a promotion begins; a restore has another text."""

Files = Mapping[tuple[int, int], datetime]
"""Files of the log: (timeline, number) -> when it was archived."""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """`at`: when it was done, the first moment it can be restored to. `start`, `end`: bytes of the log."""

    id: str
    bytes: int
    at: datetime
    seconds: float
    timeline: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """`forks`: each ancestor, and up to which byte of the log it is ours. `restored`: it began with a restore."""

    number: int
    began: datetime
    forks: Mapping[int, int]
    restored: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to reach a state: `moment` None is the end of the backup itself. `newest`: the shop has not left this
    timeline, so what came to it last may not be archived yet.
    """

    backup: Backup
    moment: datetime | None
    timeline: int
    newest: bool

    @property
    def settings(self) -> str:
        """For Postgres. It stops there and waits, read-only, until it is promoted."""
        timeline = "latest" if self.newest else self.timeline
        target = f"target_time = '{self.moment.isoformat()}'" if self.moment else "target = 'immediate'"
        return f"recovery_{target}\nrecovery_target_timeline = '{timeline}'\nrecovery_target_action = 'pause'"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Backups are oldest first. `full`: the log has outgrown its bound, nothing more is kept until the next backup."""

    backups: Sequence[Backup]
    timelines: Sequence[Timeline]
    files: Files
    megabytes: int
    full: bool

    def plan(self, to: str, now: datetime) -> Plan:
        """How to get to a moment, or to a backup by its id (`latest`: the newest). Raises UnknownComponent,
        RuntimeFailed.
        """
        if not self.backups:
            raise RuntimeFailed("there is no backup to restore; take one with: ./shoplab backup")
        ids = {backup.id: backup for backup in self.backups} | {"latest": self.backups[-1]}
        if to in ids:
            return self._along(self._timeline_at(ids[to].at), ids[to])
        moment = self._moment(to, ids)
        if moment > now:
            raise RuntimeFailed(f"{to} has not come yet: it is {iso(now)}")
        timeline = self._timeline_at(moment)
        usable = [backup for backup in self.backups if backup.at <= moment and self._is_on(backup, timeline)]
        if not usable:
            oldest = self.backups[0]
            raise RuntimeFailed(f"{to} is before the oldest backup, {oldest.id} of {iso(oldest.at)}")
        return self._along(timeline, usable[-1], moment)

    def until(self, backup: Backup, held: Collection[str], current: str, timeline: int = 0) -> datetime | None:
        """How far a backup can be restored; None is now. Along the timeline that is given, else the shop's newest, or
        the one that was left if the backup is on no other. `held`: names of the log's files that the primary has
        itself, `current` the one it writes; a file that is in neither place ends the way.
        """
        newest = self._newest()
        timeline = timeline or (newest if self._is_on(backup, newest) else self._timeline_at(backup.at))
        archived = {number: at for (line, number), at in self.files.items() if self._leads_to(line, number, timeline)}
        there = archived.keys() | {number for _, number in map(file_of, held)}
        number, last = backup.start // SEGMENT, backup.at
        while number in there:
            last, number = max(last, archived.get(number, last)), number + 1
        return None if timeline == newest and current and number > file_of(current)[1] else last

    def _along(self, timeline: int, backup: Backup, moment: datetime | None = None) -> Plan:
        return Plan(backup=backup, moment=moment, timeline=timeline, newest=timeline == self._newest())

    def _moment(self, to: str, ids: Collection[str]) -> datetime:
        try:
            moment = datetime.fromisoformat(to)
        except ValueError:
            if re.fullmatch(r"[a-z]+\d*", to):
                raise unknown("backup", to, ids) from None
            known = ", ".join(ids)
            raise UnknownComponent(
                f"{to!r} is neither a backup ({known}) nor a moment such as 2026-11-27T11:59:59Z"
            ) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _timeline_at(self, moment: datetime) -> int:
        """The shop's timeline at a moment, or a later one that has all of it: the last before the shop was restored."""
        later = [line.number for line in self.timelines if line.restored and line.began > moment]
        return min(later) - 1 if later else self._newest()

    def _newest(self) -> int:
        return max([line.number for line in self.timelines] + [backup.timeline for backup in self.backups])

    def _forks(self, timeline: int) -> Mapping[int, int]:
        return next((line.forks for line in self.timelines if line.number == timeline), {})

    def _leads_to(self, line: int, number: int, timeline: int) -> bool:
        """Is this file of one timeline on the way to another?"""
        return line == timeline or number * SEGMENT <= self._forks(timeline).get(line, -1)

    def _is_on(self, backup: Backup, timeline: int) -> bool:
        return backup.timeline == timeline or backup.end <= self._forks(timeline).get(backup.timeline, -1)


def iso(moment: datetime) -> str:
    """As people type it: to the millisecond, UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def file_of(name: str) -> tuple[int, int]:
    """Timeline and number of a file of the log, from its name."""
    return int(name[:8], 16), int(name[8:16], 16) * (2**32 // SEGMENT) + int(name[16:24], 16)


def read(listing: str) -> Archive:
    """From what `compose/images/postgres/backups` prints."""
    lines = [line.split() for line in listing.splitlines()]
    kept = next(line for line in lines if line[0] == "kept")
    return Archive(
        backups=sorted((_backup(*line[1:]) for line in lines if line[0] == "backup"), key=lambda each: each.at),
        timelines=_timelines(lines),
        files={file_of(name): _time(at) for word, name, at in (line for line in lines if line[0] == "file")},
        megabytes=int(kept[1]),
        full=kept[2] == "yes",
    )


def _backup(id: str, size: str, at: str, ms: str, timeline: str, start: str, end: str) -> Backup:
    return Backup(
        id=id,
        bytes=int(size),
        at=datetime.fromisoformat(at),
        seconds=int(ms) / 1000,
        timeline=int(timeline),
        start=_position(start),
        end=_position(end),
    )


def _timelines(lines: Sequence[Sequence[str]]) -> list[Timeline]:
    found: list[Timeline] = []
    for word, *rest in lines:
        if word == "history":
            found.append(Timeline(number=int(rest[0]), began=_time(rest[1]), forks={}, restored=False))
        elif word == "fork":
            last = found.pop()
            forks = {**last.forks, int(rest[0]): _position(rest[1])}
            why = " ".join(rest[2:])
            found.append(Timeline(number=last.number, began=last.began, forks=forks, restored=why != PROMOTED))
    return found


def _position(text: str) -> int:
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def _time(seconds: str) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
