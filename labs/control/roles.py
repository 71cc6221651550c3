"""Who is the primary: moved by command, or by the watch when the primary is gone; and whether commits wait for the
replica. Every step is kept in `moves.jsonl` in the shop's folder.
"""

import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from compose.failover import Failover, Move, Step, unfenced
from compose.postgres import Postgres
from compose.runtime.verbs import Runtime, RuntimeFailed
from labs.control.flags import Setting
from labs.control.primary_watch import PrimaryWatch

POSTGRES = ("postgres-1", "postgres-2")
EVERY_S, OBEY_EACH, REST_S = 0.25, 4, 1.0
REBUILD_AFTER_S = 2.0  # copying takes time that the first orders need
REBUILDS = 5  # tries; a server that has just been promoted may not be ready to be copied
SHOWN = 20

T = TypeVar("T")


class Roles:
    """The two Postgres servers of a running shop. `setting` gives a flag's value; `lock` is the shop's. Raises
    RuntimeFailed.
    """

    def __init__(
        self, runtime: Runtime, addresses: Mapping[str, str], password: str, setting: Setting, lock: threading.RLock,
        folder: Path,
    ) -> None:  # fmt: skip
        directly = {node: addresses[node] for node in POSTGRES}
        through_the_wire = {link.server: link.listen for link in runtime.links() if link.client == "control"}
        self.servers, self._seen = Postgres(directly, password), Postgres(through_the_wire or directly, password)
        self.fences = not unfenced(folder.name)
        self._failover = Failover(runtime, self.servers, self.note, self.fences)
        self._setting, self._lock = setting, lock
        self._file, self._steps = folder / "moves.jsonl", deque[Step](maxlen=SHOWN)
        self._synchronous: bool | None = None
        self._watch, self._over = PrimaryWatch(runtime, self._seen, setting, self._replace), threading.Event()

    def start(self) -> None:
        """Watch the primary, and see to it that the flags are obeyed, until `stop`."""
        threading.Thread(target=self._run, name="roles", daemon=True).start()

    def stop(self) -> None:
        """Move nothing by itself any more: the shop goes down."""
        self._over.set()

    def _run(self) -> None:
        pause_s = EVERY_S
        for look in itertools.count():
            if self._over.wait(pause_s):
                return
            began = time.monotonic()
            try:
                if look % OBEY_EACH == 0:
                    with suppress(RuntimeFailed):
                        self.obey()
                self._watch.look()
                pause_s = max(0.0, began + EVERY_S - time.monotonic())
            except (RuntimeFailed, psycopg.Error):  # the flags among it, which are in Postgres
                pause_s = REST_S

    @property
    def steps(self) -> Sequence[dict[str, Any]]:
        """The latest steps, the last one at the end."""
        return [asdict(step) for step in list(self._steps)]

    def primary(self) -> str | None:
        """Who takes writes, as far as it answers."""
        return self._failover.primary()

    def fail_over(self) -> Move:
        """Replace the primary at once, in whatever state it is."""
        return self.moving(lambda: self._failover.fail_over("failover was asked for"))

    def switch_over(self, to: str = "") -> Move:
        """Exchange the roles; nothing confirmed is lost. `to`: unless this one is the primary already."""
        if to and self._failover.sure_primary() == to:
            return Move(self.note)
        return self.moving(self._failover.switch_over)

    def rejoin(self) -> Move:
        """Bring back the server that is not the primary, as its replica."""
        return self.moving(self._failover.rejoin)

    def obey(self) -> None:
        """Have commits wait for the replica, or not, as the flag says. As long as a primary has no replica, as after a
        failover, nobody is waited for: it is asked again until it has one.
        """
        wanted = bool(self._setting("postgres.synchronous"))
        if self._synchronous != wanted:
            with self._lock:
                primary = self._failover.primary()
                if primary and (not wanted or self.servers.follower(primary)):
                    self.servers.set_synchronous(primary, wanted)
                    self._synchronous = wanted

    def as_described(self) -> None:
        """The first server is the primary, as compose.yaml has it. Both must be well if their roles are exchanged."""
        self.moving(lambda: self._failover.end_split_brain(keep=POSTGRES[0]))
        if self._failover.sure_primary() == POSTGRES[1]:
            self.switch_over()

    def replication(self) -> dict[str, Any] | None:
        """How the replica gets on; None when the primary does not answer."""
        with suppress(RuntimeFailed):
            if primary := self._failover.primary():
                follower = self.servers.follower(primary)
                return {"primary": primary, "synchronous": bool(self._synchronous), "replica": follower}
        return None

    def moving(self, move: Callable[[], T]) -> T:
        """Do something that may move the roles: nobody else moves them meanwhile, and they are found out anew."""
        with self._lock:
            self._synchronous = None
            try:
                made = move()
            finally:  # one that failed may have moved the roles all the same
                self._watch.look_anew()
        with suppress(RuntimeFailed):
            self.obey()
        return made

    def _replace(self, why: str) -> None:
        """The watch has found the primary gone. It may have come back while somebody else held the lock."""
        gone = lambda primary: not self._seen.answers(primary)  # noqa: E731
        rebuild = self._setting("postgres.failover") == "rebuild"
        self._noting_failure(lambda: self.moving(lambda: self._failover.fail_over(why, gone)))
        for _ in range(REBUILDS if rebuild else 0):
            if self._over.wait(REBUILD_AFTER_S):
                return
            with suppress(RuntimeFailed):
                return self._noting_failure(self.rejoin)

    def _noting_failure(self, move: Callable[[], object]) -> None:
        try:
            move()
        except RuntimeFailed as error:
            Move(self.note).done("control", f"failed: {error}")
            raise

    def note(self, step: Step) -> None:
        """Keep a step. A disk that is full must not end a move."""
        self._steps.append(step)
        with suppress(OSError), self._file.open("a") as file:
            file.write(json.dumps(asdict(step)) + "\n")
