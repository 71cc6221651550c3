"""Bringing containers up: Compose starts them, here they are waited for; the first that fails ends the wait."""

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from compose.runtime import readiness
from compose.runtime.container_engine import Container, Engine, tail
from compose.runtime.container_finder import Finder
from compose.runtime.container_probe import Probe
from compose.runtime.verbs import Progress, RuntimeFailed
from compose.topology import Topology

UP_S, OPTIONAL_S, READY_S = 180.0, 60.0, 30.0
POLL_S = 0.3


class ContainerLauncher:
    """Starts all, waits for all or some. Raises RuntimeFailed with the end of the log that tells why."""

    def __init__(self, topology: Topology, engine: Engine, finder: Finder, probe: Probe) -> None:
        self._topology, self._engine, self._finder, self._probe = topology, engine, finder, probe

    def bring_all_up(self, progress: Progress) -> None:
        """Start every component and wait until all are ready, but for what is optional and later than OPTIONAL_S."""
        began, told = time.monotonic(), dict[str, str]()
        earlier = {(container.id, container.started_at) for container in self._finder.found().values()}
        with tempfile.TemporaryFile() as output:
            command = self._engine.begin("up", "--detach", "--no-build", "--remove-orphans", output=output)
            try:
                while not self.is_up(progress, told, earlier, time.monotonic() - began) or command.poll() is None:
                    if command.poll():
                        output.seek(0)
                        raise RuntimeFailed(f"Compose gave up:\n{tail(output.read().decode(errors='replace'))}")
                    if time.monotonic() - began > UP_S:
                        late = ", ".join(name for name in self._finder.names({}) if told.get(name) != "ready")
                        raise RuntimeFailed(f"not ready within {UP_S:.0f} s: {late}")
                    time.sleep(POLL_S)
                for name in self._finder.names({}):
                    if told.get(name) != "ready":
                        progress(name, f"not ready within {OPTIONAL_S:.0f} s; the shop sells without it")
            finally:
                if command.poll() is None:
                    command.terminate()
                    with suppress(subprocess.TimeoutExpired):
                        command.wait(10)

    def is_up(self, progress: Progress, told: dict[str, str], earlier: set[tuple[str, str]], waited_s: float) -> bool:
        """Report what is new; true when everything is ready, but for what is optional and later than OPTIONAL_S. Raises
        RuntimeFailed for the first that never will be: one that had failed in an `earlier` start (its id, its start) is
        started once more.
        """
        found = self._finder.found()
        for name, container in found.items():
            late = container.state == "running" and self._topology[container.service].tier == "optional"
            if container.failed and not late and (container.id, container.started_at) not in earlier:
                raise RuntimeFailed(self._autopsy(name, container))
            done = self._topology[container.service].kind != "job" or container.state == "exited"
            now = "ready" if container.up and done else "starting" if container.state == "running" else ""
            if now and told.get(name) != now:
                told[name] = now
                progress(name, now)
        needed = [each for each in self._topology if each.tier != "optional" or waited_s < OPTIONAL_S]
        return all(told.get(name) == "ready" for service in needed for name in self._finder.components(service, {}))

    def wait_ready(self, components: Sequence[str]) -> None:
        """Ask them until all say that they are ready, for READY_S at most."""
        deadline = time.monotonic() + READY_S
        while late := self._late(components):
            if time.monotonic() > deadline:
                why = "; ".join(f"{name} ({reason})" for name, reason in late.items())
                raise RuntimeFailed(f"not ready within {READY_S:.0f} s: {why}")
            time.sleep(POLL_S)

    def _late(self, components: Sequence[str]) -> Mapping[str, str]:
        """Who is not ready, and why. Raises RuntimeFailed for one that never will be."""
        found, late = self._finder.found(), {}
        for name in components:
            if name in found and found[name].state in ("exited", "dead"):
                raise RuntimeFailed(self._autopsy(name, found[name]))
            try:
                self._probe.ask(name, found.get(name))
            except readiness.NotReady as error:
                late[name] = str(error)
        return late

    def _autopsy(self, name: str, container: Container) -> str:
        why = "is unhealthy" if container.state == "running" else f"ended with {container.exit_code}"
        log = self._engine.docker("logs", "--tail", "12", container.id, merge=True).decode(errors="replace")
        return f"{name} {why}; the end of its log:\n{tail(log) or '    (empty)'}"
