"""The shop as plain processes on loopback: the verbs, no Docker.

Control calls them. The nursery (`nursery.py`) is the parent of every process, the supervisor keeps the books, the
launcher brings components up; what each finds around it is in `surroundings.py`.
"""

import signal as signals
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from compose import places
from compose.runtime import processes, readiness, small_disk
from compose.runtime.addresses import Addresses
from compose.runtime.launcher import Launcher
from compose.runtime.links import Link, lay
from compose.runtime.processes import Ours
from compose.runtime.roster import Roster
from compose.runtime.source import drop, readable_source
from compose.runtime.supervisor import Supervisor
from compose.runtime.surroundings import Surroundings
from compose.runtime.throttle import Throttle
from compose.runtime.verbs import COPY_ANEW, Component, Progress, RuntimeFailed, State
from compose.topology import Service, Topology
from compose.wire.client import Wire

EXEC_S = 30.0
STOP_ORDER = ("gateway", "service", "worker", "job", "wire", "store")


class LocalRuntime:
    """See `verbs.Runtime`. One instance belongs to one control daemon."""

    name: Literal["local", "containers"] = "local"

    def __init__(self, shop: Path, topology: Topology, base: int, user: places.User) -> None:
        self._topology, self._user = topology, user
        self._secrets = places.passwords(shop)
        self._addresses = Addresses(topology, base)
        self._roster = Roster(topology)
        self._around = Surroundings(shop, readable_source(shop, user), self._addresses, self._roster, self._secrets)
        self._supervisor = Supervisor(shop, user)
        self._launcher = Launcher(self._supervisor, self._roster, self._addresses, self._around, self._secrets)
        self._paused: set[str] = set()
        self._freezing = threading.RLock()
        self._throttles: dict[str, Throttle] = {}

    def up(self, progress: Progress) -> None:
        self._around.prepare(self._topology, self._user)
        prepare = {
            service.command[2]: self._around.environment(service, self._roster.components(service)[0])
            for service in self._topology
            if service.replicas != 0 and service.command[2:] and "services." in service.command[2]
        }
        self._supervisor.open(self._around.source, prepare)
        try:
            self._launcher.bring_all_up(progress)
        except BaseException:
            self.down(lambda *_: None)
            raise

    def down(self, progress: Progress) -> None:
        self._lift(list(self._throttles))
        kinds = {name: self._roster.of(name).kind for name in self._supervisor.running}
        for kind in STOP_ORDER:
            members = sorted(name for name in self._supervisor.running if kinds.get(name) == kind)
            if kind == "store":  # a primary last, so that no replica is left waiting for it
                members = [name for name in members if not self._around.is_primary(name)]
            self._end(members, 1.0 if kind in ("service", "worker", "gateway") else 1.5, progress)
        self._end(sorted(self._supervisor.running), 1.0, progress)
        self._supervisor.close()
        small_disk.unmount_all(self._around.data())

    def forget(self) -> None:
        self._around.forget()

    def ps(self, memory: bool = False, ask: bool = True) -> Sequence[Component]:
        listed = [
            (service, name)
            for service in self._topology
            for name in self._roster.components(service)
            if service.kind != "job"
        ]
        with ThreadPoolExecutor(max_workers=len(listed)) as pool:
            return list(pool.map(lambda pair: self._describe(pair[0], pair[1], memory, ask), listed))

    def state(self, component: str) -> State:
        self._roster.of(component)
        return self._state(component)

    def start(self, component: str) -> None:
        service = self._roster.of(component)
        if self._state(component) == "paused":
            self.resume(component)
        if self._state(component) == "stopped":
            self._lay_links()
            self._launcher.spawn(service, component)
        self._launcher.wait_ready(component, 30.0, threading.Event())

    def stop(self, component: str, grace_s: float = 5.0) -> None:
        self._roster.of(component)
        self._end([component], grace_s, lambda *_: None)

    def kill(self, component: str, signal: str = "SIGKILL") -> None:
        number = getattr(signals, signal, None)
        if not isinstance(number, signals.Signals):
            raise RuntimeFailed(f"{signal} is no signal's name; SIGKILL, SIGTERM, SIGHUP are some")
        process = self._process(component)
        if number != signals.SIGKILL:
            return processes.send(process, number, whole=False)
        processes.kill(process)
        self._supervisor.wait_gone([component], 2.0)
        self._paused.discard(component)

    def pause(self, component: str) -> None:
        with self._freezing:
            processes.send(self._process(component), signals.SIGSTOP)
            self._paused.add(component)

    def resume(self, component: str) -> None:
        processes.send(self._process(component), signals.SIGCONT)
        self._paused.discard(component)

    def limit_cpu(self, component: str, cpus: float | None) -> None:
        self._lift([component])
        self._roster.of(component)
        if cpus is not None:
            going = lambda: None if component in self._paused else self._supervisor.running.get(component)  # noqa: E731
            self._throttles[component] = Throttle(cpus, going, self._freezing)

    def small_disk(self, component: str, megabytes: int | None) -> None:
        folder = self._around.data(self._roster.of(component).name)
        small_disk.unmount(folder)
        if megabytes is not None:
            small_disk.mount(folder, megabytes, self._user)

    def copy_anew(self, postgres: str) -> None:
        self.shell(postgres, COPY_ANEW)

    def shell(self, component: str, script: str) -> str:
        return self.exec(component, ("bash", "-c", script)).decode()

    def scale(self, service: str, replicas: int) -> None:
        described = self._roster.scalable(service)
        before = self._roster.scale[service]
        more = described.components(replicas)[before:]
        self._addresses.reserve(more, places.is_free)
        self._roster.scale[service] = max(replicas, before)
        try:
            with ThreadPoolExecutor(max_workers=8) as pool:
                for job in [pool.submit(self.start, name) for name in more]:
                    job.result()
        except RuntimeFailed:
            self._leave(described, before)
            raise
        self._leave(described, replicas)

    def logs(self, component: str | None, tail: int) -> Iterator[str]:
        for name in [component] if component else self._roster.names():
            self._roster.of(name)
            for line in self._around.tail(name, tail):
                yield line if component else f"{name} | {line}"

    def exec(self, component: str, argv: Sequence[str], stdin: bytes = b"") -> bytes:
        service = self._roster.of(component)
        command = [sys.executable if argv[0] == "python3" else argv[0], *argv[1:]]
        try:
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                cwd=self._around.source,
                env=self._around.environment(service, component),
                timeout=EXEC_S,
                **drop(self._user),
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeFailed(f"{' '.join(argv)} in {component} did not end within {EXEC_S:g} s") from error
        if done.returncode:
            raise RuntimeFailed(
                f"{' '.join(argv)} in {component} ended with {done.returncode}: {done.stderr.decode().strip()}"
            )
        output: bytes = done.stdout
        return output

    def published(self) -> Mapping[str, str]:
        return {s.name: self._addresses[s.name] for s in self._topology if s.replicas is None and s.kind != "job"}

    def resting(self) -> Sequence[str]:
        return self._topology.resting()

    def members(self, service: str) -> Sequence[str]:
        return self._roster.components(self._roster.service(service))

    def address(self, component: str) -> str:
        self._roster.of(component)
        return self._addresses[component]

    def replicas(self) -> Mapping[str, Mapping[str, str]]:
        ways = {link.server: link.listen for link in self.links() if link.client == "gateway"}
        return {
            name: {c: ways.get(c, self._addresses[c]) for c in self._roster.components(self._topology[name])}
            for name in self._topology.balanced()
        }

    def links(self) -> Sequence[Link]:
        return self._addresses.links(self._roster.scale)

    def run(self, job: str, arguments: Sequence[str] = ()) -> None:
        self._launcher.spawn(self._roster.service(job), job, arguments)
        self._launcher.wait_finished(job, 30.0, threading.Event())

    def _leave(self, service: Service, replicas: int) -> None:
        """End those beyond that number, and forget them."""
        gone = self._roster.components(service)[replicas:]
        self._lift(gone)
        self._end(gone, 5.0, lambda *_: None)
        links, self._roster.scale[service.name] = self.links(), replicas
        self._lay_links(gone=[link for link in links if link not in self.links()])

    def _lift(self, components: Sequence[str]) -> None:
        for component in components:
            if throttle := self._throttles.pop(component, None):
                throttle.lift()

    def _lay_links(self, gone: Sequence[Link] = ()) -> None:
        if links := self.links():
            lay(Wire(self._addresses["wire"]), links, gone)

    def _end(self, names: Sequence[str], grace_s: float, progress: Progress) -> None:
        ending = [
            (self._supervisor.running[name], int(self._stop_signal(name)))
            for name in names
            if name in self._supervisor.running
        ]
        processes.end(ending, grace_s)
        for name in names:
            self._paused.discard(name)
            progress(name, "stopped")
        self._supervisor.wait_gone(names, 2.0)

    def _stop_signal(self, name: str) -> signals.Signals:
        return signals.Signals[self._roster.of(name).stop_signal]

    def _state(self, name: str) -> State:
        process = self._supervisor.running.get(name)
        if process is None or process.process() is None:
            return "stopped"
        return "paused" if name in self._paused else "running"

    def _describe(self, service: Service, name: str, memory: bool, ask: bool) -> Component:
        state, ready, role = self._state(name), False, None
        if ask and state == "running":
            try:
                role, ready = readiness.ask(service, name, self._addresses[name], self._secrets), True
            except readiness.NotReady:
                pass
        process = self._supervisor.running.get(name) if state != "stopped" else None
        return Component(
            name=name,
            service=service.name,
            kind=service.kind,
            state=state,
            ready=ready,
            role=role,
            address=self._addresses[name],
            pid=process.pid if process else None,
            memory_mb=round(processes.memory_mb(process), 1) if process and memory else None,
            started_at=datetime.fromtimestamp(process.created, UTC).isoformat(timespec="milliseconds")
            if process
            else None,
        )

    def _process(self, component: str) -> Ours:
        self._roster.of(component)
        if self._state(component) == "stopped":
            raise RuntimeFailed(f"{component} is not running")
        return self._supervisor.running[component]
