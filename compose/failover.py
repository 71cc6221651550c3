"""Failover: the replica takes the primary's place, and the old primary never takes a write again.

    fence      end the old primary, the whole of it; from now on it starts as a copy of the other, or not at all
    promote    the replica stops following and takes writes
    rejoin     the old primary comes back as a replica, from a new base backup

The order is the point. Frozen is not dead: a primary that wakes up after its replica was promoted takes writes as
before, and either has orders that the other will never see (split brain). So whoever cannot be ended is not replaced.

Nobody has to point the services: each knows both servers, and libpq looks for the one that takes writes
(`target_session_attrs=read-write`); connections to the old one end with it.

There is one that decides, without a quorum: enough for one machine. Over several, the decision itself must survive the
loss of any of them; that is what Patroni with etcd is for.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from compose.postgres import Postgres, Role
from compose.runtime.verbs import Runtime, RuntimeFailed

CATCH_UP_S = 3.0
SURE_S = 3.0
"""So long a server may be silent before it is taken for away where there is no hurry: a busy machine may be late."""
STREAM_WITHIN_S = 15.0
STOP_GRACE_S = 5.0
UNFENCED = "SHOPLAB_UNFENCED"


def unfenced(shop: str) -> bool:
    """A TEST SWITCH, for seeing that experiments find a missing fence: the shop whose name is in this variable of the
    environment promotes without fencing. Nobody leaves it on: it is no flag that is kept anywhere, means one shop, and
    ends with it; `up` and `status` say it aloud, and so does every failover.
    """
    return os.environ.get(UNFENCED) == shop


@dataclass(frozen=True, kw_only=True)
class Step:
    """`at` is UTC, ISO 8601; `seconds` since the first step of the same move began."""

    at: str
    seconds: float
    node: str
    what: str


Note = Callable[[Step], object]
Roles = Mapping[str, Role | None]


@dataclass
class Move:
    """The steps of one move, in the order they were done; each is passed on at once."""

    note: Note
    began: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)

    def done(self, node: str, what: str) -> None:
        """Write a step down."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        step = Step(at=now, seconds=round(time.monotonic() - self.began, 3), node=node, what=what)
        self.steps.append(step)
        self.note(step)


class Failover:
    """Moves the roles of two servers. `note` gets every step as it is done; `fences` is False in tests of what happens
    then. Raises RuntimeFailed, which says what was not done and why.
    """

    def __init__(
        self, runtime: Runtime, postgres: Postgres, note: Note = lambda step: None, fences: bool = True
    ) -> None:
        self._runtime, self._postgres, self._note, self._fences = runtime, postgres, note, fences

    def primary(self) -> str | None:
        """Who takes writes, as far as it answers. Raises RuntimeFailed when both do."""
        return self._roles()[0]

    def sure_primary(self) -> str:
        """The same where there is no hurry. Raises RuntimeFailed when nobody takes writes."""
        primary, _replica = _by_role(self._patiently(lambda roles: "primary" in roles.values()))
        if primary is None:
            raise RuntimeFailed("no Postgres takes writes; start what is not running with: ./shoplab heal")
        return primary

    def fail_over(self, why: str, gone: Callable[[str], bool] = lambda primary: True) -> Move:
        """Replace the primary at once, whatever state it is in. One that answers is asked for by `gone` once more."""
        move = Move(self._note)
        primary, replica = self._roles()
        if primary and not gone(primary):
            raise RuntimeFailed(f"{primary} answers: it is not replaced")
        if replica is None:
            raise RuntimeFailed(f"there is no replica that could be promoted{self._hint(primary)}")
        old = self._other(replica)
        move.done(old, why)
        if self._fences:
            self._fence(old, move)
        else:
            move.done(old, f"NOT FENCED, as {UNFENCED} says: it may still take writes")
        self._promote(replica, move)
        return move

    def switch_over(self) -> Move:
        """Exchange the roles of two servers that are well. No confirmed write is lost: when the replica does not catch
        up, everything stays as it was.
        """
        move = Move(self._note)
        primary, replica = _by_role(self._patiently(lambda roles: None not in roles.values()))
        if primary is None or replica is None:
            raise RuntimeFailed(f"it takes a primary and a replica that both answer{self._hint(primary)}")
        self._hand_over(primary, replica, move)
        self._fence(primary, move)
        self._promote(replica, move)
        self._bring_back(primary, replica, move)
        return move

    def rejoin(self) -> Move:
        """Have the server that is not the primary follow it, from a new base backup."""
        move = Move(self._note)
        primary, replica = self._roles()
        if primary is None:
            raise RuntimeFailed("there is no primary to follow; start what is not running with: ./shoplab heal")
        if replica and self._postgres.follower(primary):
            raise RuntimeFailed(f"{replica} follows {primary} already")
        self.rebuild(self._other(primary), primary, move)
        return move

    def rebuild(self, node: str, primary: str, move: Move) -> None:
        """End a server, whatever it does, and have it follow the primary as a new copy of it."""
        self._fence(node, move)
        self._bring_back(node, primary, move)

    def end_split_brain(self, keep: str) -> None:
        """When both take writes, end and copy anew the one that is not `keep`, with all that only it had."""
        roles = self._patiently(lambda roles: None not in roles.values())
        if list(roles.values()).count("primary") > 1:
            self.rebuild(self._other(keep), keep, Move(self._note))

    def _hand_over(self, primary: str, replica: str, move: Move) -> None:
        """End the primary in good order, with nothing written that the replica does not have."""
        try:
            self._postgres.hold_writes(primary)
            move.done(primary, "begins no more writes")
            self._postgres.catch_up(primary, CATCH_UP_S)
        except RuntimeFailed as error:
            self._postgres.allow_writes(primary)
            raise RuntimeFailed(f"{primary} stays the primary: {error}") from error
        move.done(replica, "has received all that was confirmed")
        self._runtime.stop(primary, STOP_GRACE_S)

    def _fence(self, node: str, move: Move) -> None:
        """After this it cannot take a write. Raises RuntimeFailed unless that is sure."""
        if self._runtime.state(node) != "stopped":
            self._runtime.kill(node, "SIGKILL")
        if self._runtime.state(node) != "stopped":
            raise RuntimeFailed(f"{node} could not be ended and may still take writes: nobody is promoted in its place")
        self._runtime.copy_anew(node)
        move.done(node, "fenced: it has ended, and can only start as a copy")

    def _promote(self, node: str, move: Move) -> None:
        self._postgres.promote(node)
        move.done(node, "promoted: it takes writes")

    def _bring_back(self, node: str, primary: str, move: Move) -> None:
        self._runtime.start(node)
        deadline = time.monotonic() + STREAM_WITHIN_S
        while not self._postgres.follower(primary):
            if time.monotonic() > deadline:
                raise RuntimeFailed(f"{node} was copied but does not follow {primary} within {STREAM_WITHIN_S:g} s")
            time.sleep(0.05)
        move.done(node, f"rejoined: a copy of {primary} that follows it")

    def _roles(self) -> tuple[str | None, str | None]:
        """Primary and replica, as far as they answer at once. Raises RuntimeFailed when both take writes."""
        return _by_role(self._postgres.roles())

    def _patiently(self, enough: Callable[[Roles], bool]) -> Roles:
        """What each server says it is, asked again until that is enough or the time is over."""
        deadline = time.monotonic() + SURE_S
        while not enough(roles := self._postgres.roles()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return roles

    def _other(self, node: str) -> str:
        return next(each for each in self._postgres.nodes if each != node)

    def _hint(self, primary: str | None) -> str:
        return f": only {primary} answers; bring the other back with: ./shoplab rejoin" if primary else ""


def _by_role(roles: Roles) -> tuple[str | None, str | None]:
    """Primary and replica among them. Raises RuntimeFailed when both say that they are the primary."""
    primaries = [node for node, role in roles.items() if role == "primary"]
    if len(primaries) > 1:
        raise RuntimeFailed(
            f"split brain: {' and '.join(primaries)} both take writes; ./shoplab reset ends that, and "
            "with it all that was sold"
        )
    return next(iter(primaries), None), next((node for node, role in roles.items() if role == "replica"), None)
