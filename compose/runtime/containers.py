"""The shop in containers: Docker Compose runs compose.yaml, and this names what it made.

The engine keeps all state; nothing is remembered here but how many replicas were asked for. A component is told by
Compose's labels, `catalog-2` is container number 2 of the service `catalog`, and no other container is ever touched.
A paused container refuses nearly every command, so whoever is to be stopped or killed is resumed first.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Literal

from compose import topology
from compose.runtime import readiness
from compose.runtime.container_engine import ASK_S, Container, Engine, available, tail
from compose.runtime.container_links import ContainerLinks, port_of, way
from compose.runtime.links import Link, lay, to_json
from compose.runtime.roster import Roster
from compose.runtime.verbs import COPY_ANEW, Component, Progress, RuntimeFailed, State, unknown
from compose.topology import Service
from compose.wire.client import Wire

__all__ = ["ContainersRuntime", "available"]

BUILD_S, UP_S, DOWN_S, READY_S = 900.0, 180.0, 60.0, 30.0
OPTIONAL_S = 60.0
POLL_S = 0.3
CPU_PERIOD_US = 100_000
STATES: Mapping[str, State] = {"running": "running", "paused": "paused"}


class ContainersRuntime:
    """See `verbs.Runtime`. `values` fill compose.yaml's placeholders: ports and passwords; the rest has defaults there.
    `links_file`: where what Compose must know of the links is written; without one, the shop has no wire.

    Data stays in volumes when the shop goes down.
    """

    name: Literal["local", "containers"] = "containers"

    def __init__(self, name: str, values: Mapping[str, str], root: Path, links_file: Path | None = None) -> None:
        file = root / "compose" / "compose.yaml"
        described = topology.load(file)
        self._topology = described if links_file else described.without_wire()
        self._roster = Roster(self._topology)
        self._links, self._links_file = ContainerLinks(self._topology, name), links_file
        wired = {"LINKS": to_json(self._first_links()), "COMPOSE_PROFILES": "wire" if links_file else ""}
        self._engine = Engine(name, {**values, "SHOPLAB_NAME": name, **wired}, file, links_file)
        self._secrets = {
            key: topology.interpolate(service.environment[key], values)
            for service in self._topology
            for key in ("ADMIN_PASSWORD", "RABBITMQ_PASSWORD")
            if key in service.environment
        }
        self._asked_for: dict[str, int] = {}

    # -- verbs ---------------------------------------------------------------------------------------------------------

    def up(self, progress: Progress) -> None:
        progress("images", "starting")
        self._engine.compose("build", within_s=BUILD_S)
        progress("images", "ready")
        if self._links_file:
            self._links_file.write_text(json.dumps(self._links.override(self._first_links())))
        try:
            self._bring_up(progress)
        except BaseException:
            self.down(lambda *_: None)
            raise

    def down(self, progress: Progress) -> None:
        found = self._found()
        for container in found.values():
            self._thaw(container)
        self._end([c for c in found.values() if self._topology[c.service].kind != "store"], 1)
        self._end(list(found.values()), 2)
        self._engine.compose("down", "--remove-orphans", "--timeout", "1", within_s=DOWN_S)
        self._asked_for.clear()
        for component in found:
            progress(component, "stopped")

    def forget(self) -> None:
        self._engine.compose("down", "--remove-orphans", "--volumes", "--timeout", "1", within_s=DOWN_S)

    def ps(self, memory: bool = False) -> Sequence[Component]:
        """All components. With `memory` the engine is asked for that too, which takes it about two seconds."""
        found = self._found()
        listed = [(s, name) for s in self._topology if s.kind != "job" for name in self._components(s, found)]
        used = self._engine.memory_mb([c.id for c in found.values() if c.state == "running"]) if memory else {}
        with ThreadPoolExecutor(max_workers=len(listed)) as pool:
            return list(pool.map(lambda pair: self._describe(pair[0], pair[1], found.get(pair[1]), used), listed))

    def state(self, component: str) -> State:
        return STATES.get(self._container(component).state, "stopped")

    def start(self, component: str) -> None:
        container = self._container(component)
        if container.state == "paused":
            self.resume(component)
        elif container.state != "running":
            self._do(container, "start")
        self._wait_ready([component], READY_S)
        if component == "wire":
            lay(Wire(self.address("wire")), self.links())

    def stop(self, component: str, grace_s: float = 5.0) -> None:
        container = self._container(component)
        self._thaw(container)
        self._do(container, "stop", "-t", str(round(grace_s)), within_s=grace_s + ASK_S)

    def kill(self, component: str, signal: str = "SIGKILL") -> None:
        container = self._running(component)
        self._thaw(container)
        self._do(container, "kill", "--signal", signal)
        if signal == "SIGKILL":
            self._engine.docker("wait", container.id, within_s=10)

    def pause(self, component: str) -> None:
        container = self._running(component)
        if container.state != "paused":
            self._freeze(container)

    def resume(self, component: str) -> None:
        self._thaw(self._running(component))

    def limit_cpu(self, component: str, cpus: float | None) -> None:
        quota = -1 if cpus is None else round(cpus * CPU_PERIOD_US)
        container = self._container(component).id
        self._engine.docker("update", f"--cpu-period={CPU_PERIOD_US}", f"--cpu-quota={quota}", container)

    def small_disk(self, component: str, megabytes: int | None) -> None:
        raise RuntimeFailed("the volume of a container is not exchanged while the shop runs: local processes can do it")

    def copy_anew(self, postgres: str) -> None:
        self.shell(postgres, COPY_ANEW)

    def shell(self, component: str, script: str) -> str:
        if self.state(component) == "running":
            return self.exec(component, ("bash", "-c", script)).decode()
        command = ("--entrypoint", "bash", component, "-c", script)
        return self._engine.compose("run", "--rm", "--no-deps", "--no-TTY", *command, within_s=60)

    def scale(self, service: str, replicas: int) -> None:
        described = self._roster.scalable(service)
        found = self._found()
        frozen = [name for name, c in found.items() if c.service == service and c.state == "paused"]
        if frozen:
            raise RuntimeFailed(f"{', '.join(frozen)} is paused, and Compose scales nothing that is: resume it first")
        how_many, links = f"{service}={replicas}", self.links()
        self._engine.compose(
            "up", "--detach", "--no-deps", "--no-recreate", "--no-build", "--scale", how_many, service, within_s=60
        )
        self._asked_for[service] = replicas
        self._wait_ready(described.components(replicas), READY_S)
        if links != (now := self.links()):
            lay(Wire(self.address("wire")), now, gone=[link for link in links if link not in now])

    def logs(self, component: str | None, tail: int) -> Iterator[str]:
        names = [component] if component else list(self._found())
        for name in names:
            said = self._engine.docker("logs", "--tail", str(tail), self._container(name).id, merge=True)
            for line in said.decode(errors="replace").splitlines():
                yield line if component else f"{name} | {line}"

    def exec(self, component: str, argv: Sequence[str], stdin: bytes = b"") -> bytes:
        container = self._running(component)
        if container.state == "paused":
            raise RuntimeFailed(f"{component} is paused, nothing can run in it: resume it first")
        return self._engine.docker("exec", "--interactive", container.id, *argv, stdin=stdin, within_s=30)

    def run(self, job: str, arguments: Sequence[str] = ()) -> None:
        command = [*self._roster.service(job).command, *arguments]
        self._engine.compose("run", "--rm", "--no-deps", "--no-TTY", job, *command, within_s=60)

    def published(self) -> Mapping[str, str]:
        return {
            name: address
            for name, container in self._found().items()
            if (address := container.published.get(port_of(self._topology[container.service])))
        }

    def resting(self) -> Sequence[str]:
        return self._topology.resting()

    def members(self, service: str) -> Sequence[str]:
        return self._components(self._roster.service(service), self._found())

    def address(self, component: str) -> str:
        container = self._container(component)
        return self._address(self._topology[container.service], container) or ""

    def replicas(self) -> Mapping[str, Mapping[str, str]]:
        found = self._found()
        wire = found["wire"].ip if "wire" in found else ""
        ways = {link.server: way(link, wire or "wire") for link in self.links() if link.client == "gateway"}
        return {
            service: {
                name: ways.get(name) or f"{found[name].ip}:{port_of(self._topology[service])}"
                for name in self._components(self._topology[service], found)
                if name in found and found[name].ip
            }
            for service in self._topology.balanced()
        }

    def links(self) -> Sequence[Link]:
        if not self._topology.links():
            return []
        found = self._found()
        return self._links.among(lambda service: self._components(service, found))

    def _first_links(self) -> Sequence[Link]:
        return self._links.among(lambda service: service.components())

    # -- coming up -----------------------------------------------------------------------------------------------------

    def _bring_up(self, progress: Progress) -> None:
        began, told = time.monotonic(), dict[str, str]()
        earlier = {(container.id, container.started_at) for container in self._found().values()}
        with tempfile.TemporaryFile() as output:
            command = self._engine.begin("up", "--detach", "--no-build", "--remove-orphans", output=output)
            try:
                while not self._is_up(progress, told, earlier, time.monotonic() - began) or command.poll() is None:
                    if command.poll():
                        output.seek(0)
                        raise RuntimeFailed(f"Compose gave up:\n{tail(output.read().decode(errors='replace'))}")
                    if time.monotonic() - began > UP_S:
                        late = ", ".join(name for name in self._names({}) if told.get(name) != "ready")
                        raise RuntimeFailed(f"not ready within {UP_S:.0f} s: {late}")
                    time.sleep(POLL_S)
                for name in self._names({}):
                    if told.get(name) != "ready":
                        progress(name, f"not ready within {OPTIONAL_S:.0f} s; the shop sells without it")
            finally:
                if command.poll() is None:
                    command.terminate()
                    with suppress(subprocess.TimeoutExpired):
                        command.wait(10)

    def _is_up(self, progress: Progress, told: dict[str, str], earlier: set[tuple[str, str]], waited_s: float) -> bool:
        """Report what is new; true when everything is ready, but for what is optional and later than OPTIONAL_S. Raises
        RuntimeFailed for the first that never will be: one that had failed in an `earlier` start (its id, its start) is
        started once more.
        """
        found = self._found()
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
        return all(told.get(name) == "ready" for service in needed for name in self._components(service, {}))

    def _autopsy(self, name: str, container: Container) -> str:
        why = "is unhealthy" if container.state == "running" else f"ended with {container.exit_code}"
        log = self._engine.docker("logs", "--tail", "12", container.id, merge=True).decode(errors="replace")
        return f"{name} {why}; the end of its log:\n{tail(log) or '    (empty)'}"

    def _wait_ready(self, components: Sequence[str], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while late := self._late(components):
            if time.monotonic() > deadline:
                why = "; ".join(f"{name} ({reason})" for name, reason in late.items())
                raise RuntimeFailed(f"not ready within {within_s:.0f} s: {why}")
            time.sleep(POLL_S)

    def _late(self, components: Sequence[str]) -> Mapping[str, str]:
        """Who is not ready, and why. Raises RuntimeFailed for one that never will be."""
        found, late = self._found(), {}
        for name in components:
            if name in found and found[name].state in ("exited", "dead"):
                raise RuntimeFailed(self._autopsy(name, found[name]))
            try:
                self._ask(name, found.get(name))
            except readiness.NotReady as error:
                late[name] = str(error)
        return late

    # -- one component -------------------------------------------------------------------------------------------------

    def _describe(self, service: Service, name: str, found: Container | None, used: Mapping[str, float]) -> Component:
        if found is None:
            return Component(name=name, service=service.name, kind=service.kind, state="stopped", ready=False)
        state = STATES.get(found.state, "stopped")
        try:
            role, ready = self._ask(name, found), True
        except readiness.NotReady:
            role, ready = None, False
        return Component(
            name=name,
            service=service.name,
            kind=service.kind,
            state=state,
            ready=ready,
            role=role,
            address=self._address(service, found),
            pid=found.pid or None,
            container=found.id[:12],
            memory_mb=used.get(found.id),
            started_at=found.started_at if state != "stopped" else None,
        )

    def _ask(self, name: str, container: Container | None) -> str | None:
        """The role of a component that is ready. Asked directly where containers can be reached (Linux); elsewhere the
        health check's last word, which may be half a minute old, has to do for what is not published. Raises NotReady.
        """
        if container is None or container.state != "running":
            raise readiness.NotReady("it is not running")
        service = self._topology[container.service]
        if sys.platform == "linux" or container.published:
            return readiness.ask(service, name, self._address(service, container) or "", self._secrets)
        if not container.up:
            raise readiness.NotReady(f"its health check says {container.health}")
        return None

    def _address(self, service: Service, container: Container) -> str | None:
        """From this machine."""
        port = port_of(service)
        return container.published.get(port) or (f"{container.ip}:{port}" if container.ip else None)

    def _end(self, containers: Sequence[Container], grace_s: int) -> None:
        """All at once; Compose would go layer by layer. What went away in between is no matter."""
        running = [container.id for container in containers if container.state in STATES]
        if running:
            with suppress(RuntimeFailed):
                self._engine.docker("stop", "-t", str(grace_s), *running, within_s=grace_s + ASK_S)

    def _freeze(self, container: Container) -> None:
        """The kernel does not always get hold of all processes of a busy container at once."""
        for last in (False, False, True):
            try:
                return self._do(container, "pause")
            except RuntimeFailed as error:
                if last or "unable to freeze" not in str(error):
                    raise

    def _thaw(self, container: Container) -> None:
        if container.state == "paused":
            self._do(container, "unpause")

    def _do(self, container: Container, *verb: str, within_s: float = ASK_S) -> None:
        try:
            self._engine.docker(*verb, container.id, within_s=within_s)
        except RuntimeFailed as error:
            raise RuntimeFailed(f"{container.service}-{container.number}: {error}") from error

    # -- names ---------------------------------------------------------------------------------------------------------

    def _found(self) -> dict[str, Container]:
        """Component -> its container, for those that have one."""
        found = [c for c in self._engine.containers() if c.service in self._topology.services]
        order = list(self._topology.services)
        found.sort(key=lambda c: (order.index(c.service), c.number))
        return {self._topology[c.service].components(c.number)[-1]: c for c in found}

    def _components(self, service: Service, found: Mapping[str, Container]) -> list[str]:
        """As many as were asked for; a shop that runs already knows how many those were."""
        running = sum(1 for container in found.values() if container.service == service.name)
        return service.components(self._asked_for.get(service.name, running or None))

    def _names(self, found: Mapping[str, Container]) -> list[str]:
        return [name for service in self._topology for name in self._components(service, found)]

    def _container(self, component: str) -> Container:
        found = self._found()
        if component in found:
            return found[component]
        names = self._names(found)
        if component in names:
            raise RuntimeFailed(f"{component} has no container: the shop is not up")
        raise unknown("component", component, names)

    def _running(self, component: str) -> Container:
        container = self._container(component)
        if container.state not in STATES:
            raise RuntimeFailed(f"{component} is not running")
        return container
