"""A running shop as faults have it before them: the `Patient` of `labs.faults.patient`."""

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from compose.runtime.verbs import Runtime, RuntimeFailed
from labs.control.balancer import Balancer
from labs.control.broker import Broker
from labs.control.caches import Caches
from labs.control.components import Components
from labs.control.flag_changes import FlagChanges
from labs.control.flags import Value
from labs.control.helpers import Helpers
from labs.control.links import Links
from labs.control.postgres import Postgres
from labs.control.watching import rest

PUT = """
import os, sys, urllib.request
url = "http://127.0.0.1:" + os.environ["LISTEN"].rpartition(":")[2] + sys.argv[1]
urllib.request.urlopen(urllib.request.Request(url, sys.stdin.buffer.read(), method="PUT"), timeout=2)
"""


@dataclass(frozen=True, kw_only=True)
class ShopPatient:
    """Its verbs on components, and an instrument for everything else. `lock` is the shop's, which is held while a fault
    is applied or undone. Raises RuntimeFailed.
    """

    runtime: Runtime
    components: Components
    flag_changes: FlagChanges
    lock: threading.RLock
    balancer: Balancer
    postgres: Postgres
    broker: Broker
    caches: Caches
    links: Links
    helpers: Helpers

    @property
    def url(self) -> str:
        """Where shoppers come in."""
        return self.components.url

    def start(self, component: str) -> None:
        """Start or resume it; the gateway and the wire are told."""
        self.components.start(component)

    def stop(self, component: str, grace_s: float) -> None:
        """Ask it to end."""
        self.runtime.stop(component, grace_s)

    def kill(self, component: str, signal: str) -> None:
        """Signal it."""
        self.runtime.kill(component, signal)

    def pause(self, component: str) -> None:
        """Freeze it."""
        self.runtime.pause(component)

    def resume(self, component: str) -> None:
        """Let it go on."""
        self.runtime.resume(component)

    def limit_cpu(self, component: str, cpus: float | None) -> None:
        """Give it so much of the processors; None: all it wants."""
        self.runtime.limit_cpu(component, cpus)

    def small_disk(self, component: str, megabytes: int | None) -> None:
        """Have it start on a small, empty disk; None: on its own one."""
        self.runtime.small_disk(component, megabytes)

    def exec(self, component: str, *command: str) -> None:
        """Run a command in its place."""
        self.runtime.exec(component, command)

    def rest(self, seconds: float) -> None:
        """Wait, and let others work at the shop meanwhile."""
        rest(self.lock, seconds)

    def runs(self, component: str) -> bool:
        """Is it there?"""
        return self.runtime.state(component) != "stopped"

    def members(self, service: str) -> Sequence[str]:
        """Its components, whatever their state."""
        return self.runtime.members(service)

    def workers_away(self) -> AbstractContextManager[None]:
        """Stop the workers for a moment."""
        return self.components.workers_away()

    def put(self, component: str, path: str, body: Mapping[str, Any]) -> None:
        """PUT a document to one replica, past the gateway."""
        try:
            self.runtime.exec(component, ("python3", "-c", PUT, path), json.dumps(body).encode())
        except RuntimeFailed as error:
            why = str(error).splitlines()[-1]  # of a traceback: what happened
            raise RuntimeFailed(f"{component} could not be told: {why}") from error

    def set_flag(self, name: str, text: str | Value) -> None:
        """Switch something. Raises UnknownFlag."""
        self.flag_changes.make(name, text)
