"""Control's side of the pipe to the nursery: who of ours is running, who has ended and how.

Every change is written to `processes.json` in the shop's folder, so that a later `up` or `down` finds what a killed
supervisor left.
"""

import json
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from compose import places
from compose.runtime import cradle, processes
from compose.runtime.cradle import Cradle
from compose.runtime.processes import Ours
from compose.runtime.verbs import RuntimeFailed


class Supervisor:
    """Processes by component name. Thread-safe; only the nursery's listener changes the books."""

    def __init__(self, shop: Path, user: places.User) -> None:
        self._records = shop / "processes.json"
        self._log = shop / "nursery.log"
        self._user = user
        self._nursery: Cradle | None = None
        self._changed = threading.Condition()
        self.running: dict[str, Ours] = {}
        self.exits: dict[str, int | str] = {}

    def open(self, source: Path, prepare: Mapping[str, Mapping[str, str]] = MappingProxyType({})) -> None:
        """End what an earlier supervisor left and start the nursery: the shop's code is in `source`; `prepare` has
        the modules to be warm with, each with the environment of its replicas.
        """
        self.end_leftovers()
        self._nursery = cradle.fork(source, self._log, self._user)
        threading.Thread(target=self._listen, args=(self._nursery.answers,), daemon=True, name="nursery").start()
        if prepare:
            self._ask({"prepare": prepare})

    def close(self) -> None:
        """Have the nursery end itself and whatever is still running."""
        if self._nursery:
            self._nursery.requests.close()
            processes.wait_gone(self._nursery.process, 10)
            os.waitpid(self._nursery.process.pid, os.WNOHANG)
            self._nursery = None
        self._records.unlink(missing_ok=True)

    def spawn(self, name: str, request: Mapping[str, Any]) -> None:
        """Start a process under `name`; `request` as in nursery.py. Returns once it runs or has already ended."""
        with self._changed:
            self.exits.pop(name, None)
            self._ask({"name": name, **request})
            if not self._changed.wait_for(lambda: name in self.running or name in self.exits, timeout=10):
                raise RuntimeFailed(f"{name}: the nursery does not answer")

    def has_started(self, name: str) -> bool:
        """Has it been started, whether it still runs or not?"""
        return name in self.running or name in self.exits

    def wait_finished(self, name: str, within_s: float, given_up: threading.Event) -> int | str | None:
        """Wait until a process has ended; its exit status, a text if it could not be started, None if it goes on."""
        with self._changed:
            self._changed.wait_for(lambda: name in self.exits or given_up.is_set(), timeout=within_s)
        return self.exits.get(name)

    def wait_gone(self, names: Sequence[str], within_s: float) -> None:
        """Wait until the books say that none of these is running."""
        with self._changed:
            self._changed.wait_for(lambda: not any(name in self.running for name in names), timeout=within_s)

    def end_leftovers(self) -> None:
        """End what an earlier supervisor of this very shop recorded and did not live to end."""
        if self._records.exists():
            left = [(Ours(**entry), int(signal.SIGTERM)) for entry in json.loads(self._records.read_text()).values()]
            processes.end(left, 1.0)
            self._records.unlink()

    def _ask(self, request: Mapping[str, Any]) -> None:
        if self._nursery is None or self._nursery.process.process() is None:
            raise RuntimeFailed("the shop's process nursery has ended, and the shop with it: take it down and up again")
        self._nursery.requests.write(json.dumps(request).encode() + b"\n")

    def _listen(self, answers: BinaryIO) -> None:
        """The nursery's answers and reports, until it ends."""
        with answers:
            for line in answers:
                with self._changed:
                    self._note(json.loads(line))
                    alive = {name: asdict(process) for name, process in self.running.items()}
                    with suppress(OSError):  # a full disk must not end the shop
                        places.write_private(self._records, json.dumps(alive))
                    self._changed.notify_all()
        with self._changed:  # the nursery is gone; what it started goes with it, and nobody is left to report that
            processes.end([(process, int(signal.SIGTERM)) for process in self.running.values()], 1.0)
            self.running.clear()
            self._changed.notify_all()

    def _note(self, message: Mapping[str, Any]) -> None:
        name = message["name"]
        if "error" in message:
            self.exits[name] = message["error"]
        elif "exited" in message:
            if name in self.running and self.running[name].pid == message["pid"]:
                del self.running[name]
                self.exits[name] = message["exited"]
        else:
            self.running[name] = Ours(message["pid"], message["created"], message["birth"])
