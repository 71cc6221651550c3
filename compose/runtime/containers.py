"""The shop in containers: the verbs. Docker Compose runs compose.yaml, and the engine keeps all state.

The finder tells which container a component is, the probe how it is; the launcher brings containers up. No container
but the shop's own is ever touched.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from compose import topology
from compose.runtime import container_lifecycle as lifecycle
from compose.runtime.container_engine import Engine, available
from compose.runtime.container_finder import Finder
from compose.runtime.container_launcher import ContainerLauncher
from compose.runtime.container_links import ContainerLinks, port_of, way
from compose.runtime.container_probe import Probe
from compose.runtime.container_scaling import Scaling
from compose.runtime.links import Link, lay, to_json
from compose.runtime.roster import Roster
from compose.runtime.verbs import COPY_ANEW, Component, Progress, RuntimeFailed, State
from compose.wire.client import Wire

__all__ = ["ContainersRuntime", "available"]

BUILD_S, DOWN_S = 900.0, 60.0
CPU_PERIOD_US = 100_000


class ContainersRuntime:
    """See `verbs.Runtime`. `values` fill compose.yaml's placeholders: ports and passwords; the rest has defaults there.
    `links_file`: where what Compose must know of the links is written; without one, the shop has no wire. Tests hand in
    an `engine`.

    Data stays in volumes when the shop goes down.
    """

    name: Literal["local", "containers"] = "containers"

    def __init__(
        self,
        name: str,
        values: Mapping[str, str],
        root: Path,
        links_file: Path | None = None,
        engine: Engine | None = None,
    ) -> None:
        file = root / "compose" / "compose.yaml"
        described = topology.load(file)
        self._topology = described if links_file else described.without_wire()
        self._roster = Roster(self._topology)
        self._links, self._links_file = ContainerLinks(self._topology, name), links_file
        wired = {"LINKS": to_json(self._first_links()), "COMPOSE_PROFILES": "wire" if links_file else ""}
        self._engine = engine or Engine(name, {**values, "SHOPLAB_NAME": name, **wired}, file, links_file)
        self._finder = Finder(self._topology, self._engine)
        self._probe = Probe(self._topology, values)
        self._launcher = ContainerLauncher(self._topology, self._engine, self._finder, self._probe)
        self._scaling = Scaling(self._engine, self._finder, self._launcher)

    def up(self, progress: Progress) -> None:
        progress("images", "starting")
        self._engine.compose("build", within_s=BUILD_S)
        progress("images", "ready")
        if self._links_file:
            self._links_file.write_text(json.dumps(self._links.override(self._first_links())))
        try:
            self._launcher.bring_all_up(progress)
        except BaseException:
            self.down(lambda *_: None)
            raise

    def down(self, progress: Progress) -> None:
        found = self._finder.found()
        for container in found.values():
            lifecycle.resume(self._engine, container)
        lifecycle.end(self._engine, [c for c in found.values() if self._topology[c.service].kind != "store"], 1)
        lifecycle.end(self._engine, list(found.values()), 2)
        self._engine.compose("down", "--remove-orphans", "--timeout", "1", within_s=DOWN_S)
        self._finder.asked_for.clear()
        for component in found:
            progress(component, "stopped")

    def forget(self) -> None:
        self._engine.compose("down", "--remove-orphans", "--volumes", "--timeout", "1", within_s=DOWN_S)

    def ps(self, memory: bool = False, ask: bool = True) -> Sequence[Component]:
        """All components. With `memory` the engine is asked for that too, which takes it about two seconds."""
        found = self._finder.found()
        listed = [(s, name) for s in self._topology if s.kind != "job" for name in self._finder.components(s, found)]
        used = self._engine.memory_mb([c.id for c in found.values() if c.state == "running"]) if memory else {}
        with ThreadPoolExecutor(max_workers=len(listed)) as pool:
            describe = self._probe.describe
            return list(pool.map(lambda pair: describe(pair[0], pair[1], found.get(pair[1]), used, ask), listed))

    def state(self, component: str) -> State:
        return self._finder.container(component).shown

    def start(self, component: str) -> None:
        lifecycle.start(self._engine, self._finder.container(component))
        self._launcher.wait_ready([component])
        if component == "wire":
            lay(Wire(self.address("wire")), self.links())

    def stop(self, component: str, grace_s: float = 5.0) -> None:
        lifecycle.stop(self._engine, self._finder.container(component), grace_s)

    def kill(self, component: str, signal: str = "SIGKILL") -> None:
        lifecycle.kill(self._engine, self._finder.running(component), signal)

    def pause(self, component: str) -> None:
        lifecycle.pause(self._engine, self._finder.running(component))

    def resume(self, component: str) -> None:
        lifecycle.resume(self._engine, self._finder.running(component))

    def limit_cpu(self, component: str, cpus: float | None) -> None:
        quota = -1 if cpus is None else round(cpus * CPU_PERIOD_US)
        container = self._finder.container(component).id
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
        described, links = self._roster.scalable(service), self.links()
        self._scaling.scale(described, replicas)
        if links != (now := self.links()):
            lay(Wire(self.address("wire")), now, gone=[link for link in links if link not in now])

    def logs(self, component: str | None, tail: int) -> Iterator[str]:
        names = [component] if component else list(self._finder.found())
        for name in names:
            said = self._engine.docker("logs", "--tail", str(tail), self._finder.container(name).id, merge=True)
            for line in said.decode(errors="replace").splitlines():
                yield line if component else f"{name} | {line}"

    def exec(self, component: str, argv: Sequence[str], stdin: bytes = b"") -> bytes:
        container = self._finder.running(component)
        if container.state == "paused":
            raise RuntimeFailed(f"{component} is paused, nothing can run in it: resume it first")
        return self._engine.docker("exec", "--interactive", container.id, *argv, stdin=stdin, within_s=30)

    def run(self, job: str, arguments: Sequence[str] = ()) -> None:
        command = [*self._roster.service(job).command, *arguments]
        self._engine.compose("run", "--rm", "--no-deps", "--no-TTY", job, *command, within_s=60)

    def published(self) -> Mapping[str, str]:
        return {
            name: address
            for name, container in self._finder.found().items()
            if (address := container.published.get(port_of(self._topology[container.service])))
        }

    def resting(self) -> Sequence[str]:
        return self._topology.resting()

    def members(self, service: str) -> Sequence[str]:
        return self._finder.components(self._roster.service(service), self._finder.found())

    def address(self, component: str) -> str:
        return self._probe.address(self._finder.container(component)) or ""

    def replicas(self) -> Mapping[str, Mapping[str, str]]:
        found = self._finder.found()
        wire = found["wire"].ip if "wire" in found else ""
        ways = {link.server: way(link, wire or "wire") for link in self.links() if link.client == "gateway"}
        return {
            service: {
                name: ways.get(name) or f"{found[name].ip}:{port_of(self._topology[service])}"
                for name in self._finder.components(self._topology[service], found)
                if name in found and found[name].ip
            }
            for service in self._topology.balanced()
        }

    def links(self) -> Sequence[Link]:
        if not self._topology.links():
            return []
        found = self._finder.found()
        return self._links.among(lambda service: self._finder.components(service, found))

    def _first_links(self) -> Sequence[Link]:
        return self._links.among(lambda service: service.components())
