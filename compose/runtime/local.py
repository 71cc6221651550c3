"""The shop as plain processes on loopback: one supervisor's view of them, no Docker.

Control calls these verbs; the nursery (`nursery.py`) is the parent of every process. Who runs, with which pid and
start time, is also written to
`processes.json`, so that a later `up` or `down` finds what a killed supervisor may have left.
"""

import os
import shutil
import signal as signals
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from compose import places
from compose.runtime import processes, readiness
from compose.runtime.addresses import Addresses
from compose.runtime.processes import Ours
from compose.runtime.source import drop, readable_source
from compose.runtime.supervisor import Supervisor
from compose.runtime.verbs import Component, Progress, RuntimeFailed, State, UnknownComponent
from compose.topology import Service, Topology, interpolate

READY_WITHIN_S = 90.0
POLL_S = 0.05
FIRST = ("rabbitmq",)  # the slowest starter goes first, everything else starts beside it
STOP_ORDER = ("gateway", "service", "worker", "job", "store")


class LocalRuntime:
    """See `verbs.Runtime`. One instance belongs to one control daemon."""

    name: Literal["local", "containers"] = "local"

    def __init__(self, shop: Path, topology: Topology, base: int, user: places.User) -> None:
        self._shop, self._topology, self._user = shop, topology, user
        self._secrets = places.passwords(shop)
        self._addresses = Addresses(topology, base)
        self._scale = {name: topology[name].replicas or 1 for name in topology.scalable()}
        self._paused: set[str] = set()
        self._app = readable_source(shop, user)
        self._supervisor = Supervisor(shop, user)

    # -- verbs ---------------------------------------------------------------------------------------------------------

    def up(self, progress: Progress) -> None:
        self._prepare_folders()
        prepare = {
            service.command[2]: self._environment(service, self._components(service)[0])
            for service in self._topology
            if service.command[2:] and "services." in service.command[2]
        }
        self._supervisor.open(self._app, prepare)
        names = [name for service in self._topology for name in self._components(service)]
        names.sort(key=lambda name: name not in FIRST)
        given_up = threading.Event()
        try:
            self._bring_all_up(names, progress, given_up)
        except BaseException:
            self.down(lambda *_: None)
            raise

    def down(self, progress: Progress) -> None:
        kinds = {name: self._service(name).kind for name in self._supervisor.running}
        for kind in STOP_ORDER:
            members = sorted(name for name in self._supervisor.running if kinds.get(name) == kind)
            if kind == "store":  # the primary last, so that a replica is not left waiting for it
                members = [name for name in members if name != "postgres-1"]
            self._end(members, 1.0 if kind in ("service", "worker", "gateway") else 1.5, progress)
        self._end(sorted(self._supervisor.running), 1.0, progress)
        self._supervisor.close()

    def forget(self) -> None:
        shutil.rmtree(self._shop / "data", ignore_errors=True)

    def ps(self) -> Sequence[Component]:
        listed = [
            (service, name) for service in self._topology for name in self._components(service) if service.kind != "job"
        ]
        with ThreadPoolExecutor(max_workers=len(listed)) as pool:
            return list(pool.map(lambda pair: self._describe(*pair), listed))

    def start(self, component: str) -> None:
        service = self._service(component)
        if self._state(component) == "paused":
            self.resume(component)
        if self._state(component) == "stopped":
            self._spawn(service, component)
        self._wait_ready(service, component, 30.0, threading.Event())

    def stop(self, component: str, grace_s: float = 5.0) -> None:
        self._service(component)
        self._end([component], grace_s, lambda *_: None)

    def kill(self, component: str, signal: str = "SIGKILL") -> None:
        number = getattr(signals, signal, None)
        if not isinstance(number, signals.Signals):
            raise RuntimeFailed(f"{signal} is no signal's name; SIGKILL, SIGTERM, SIGHUP are some")
        process = self._process(component)
        processes.send(process, number, whole=number == signals.SIGKILL)
        if number == signals.SIGKILL:
            self._supervisor.wait_gone([component], 2.0)
            self._paused.discard(component)

    def pause(self, component: str) -> None:
        processes.send(self._process(component), signals.SIGSTOP)
        self._paused.add(component)

    def resume(self, component: str) -> None:
        processes.send(self._process(component), signals.SIGCONT)
        self._paused.discard(component)

    def scale(self, service: str, replicas: int) -> None:
        described = self._known(service)
        if described.replicas is None:
            raise UnknownComponent(f"{service} can only run once; these scale: {', '.join(self._topology.scalable())}")
        wanted, before = described.components(replicas), described.components(self._scale[service])
        self._addresses.reserve(wanted)
        self._scale[service] = max(replicas, self._scale[service])
        with ThreadPoolExecutor(max_workers=8) as pool:
            for job in [pool.submit(self.start, name) for name in wanted if name not in before]:
                job.result()
        self._end([name for name in before if name not in wanted], 5.0, lambda *_: None)
        self._scale[service] = replicas

    def logs(self, component: str | None, tail: int) -> Iterator[str]:
        names = [component] if component else [n for s in self._topology for n in self._components(s)]
        for name in names:
            self._service(name)
            for line in self._tail(name, tail):
                yield line if component else f"{name} | {line}"

    def exec(self, component: str, argv: Sequence[str], stdin: bytes = b"") -> bytes:
        service = self._service(component)
        command = [sys.executable if argv[0] == "python3" else argv[0], *argv[1:]]
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd=self._app,
            env=self._environment(service, component),
            timeout=30,
            **drop(self._user),
        )
        if done.returncode:
            raise RuntimeFailed(
                f"{' '.join(argv)} in {component} ended with {done.returncode}: {done.stderr.decode().strip()}"
            )
        output: bytes = done.stdout
        return output

    def published(self) -> Mapping[str, str]:
        return {s.name: self._addresses[s.name] for s in self._topology if s.replicas is None and s.kind != "job"}

    def replicas(self) -> Mapping[str, Mapping[str, str]]:
        return {
            name: {c: self._addresses[c] for c in self._components(self._topology[name])}
            for name in self._topology.balanced()
        }

    def run(self, job: str, arguments: Sequence[str] = ()) -> None:
        self._spawn(self._known(job), job, arguments)
        self._wait_finished(job, 30.0, threading.Event())

    # -- one component -------------------------------------------------------------------------------------------------

    def _bring_all_up(self, names: Sequence[str], progress: Progress, given_up: threading.Event) -> None:
        """Everything at once, each waiting for what it needs; the first failure stops the rest."""
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            jobs = [pool.submit(self._bring_up, name, progress, given_up) for name in names]
            try:
                for job in as_completed(jobs):
                    job.result()
            except BaseException:
                given_up.set()
                raise

    def _bring_up(self, name: str, progress: Progress, given_up: threading.Event) -> None:
        service = self._service(name)
        try:
            for other, condition in service.after.items():
                for needed in self._components(self._topology[other]):
                    self._await_condition(needed, condition, given_up)
            progress(name, "starting")
            self._spawn(service, name)
            if service.kind == "job":
                self._wait_finished(name, READY_WITHIN_S, given_up)
            else:
                self._wait_ready(service, name, READY_WITHIN_S, given_up)
            progress(name, "ready")
        except RuntimeFailed as error:
            if not given_up.is_set():
                given_up.set()
                progress(name, f"failed: {str(error).splitlines()[0]}")
                raise

    def _await_condition(self, needed: str, condition: str, given_up: threading.Event) -> None:
        """Local processes that need a service started or healthy bind lazily; only what must be finished or in place
        is waited for.
        """
        service = self._service(needed)
        deadline = time.monotonic() + READY_WITHIN_S
        while (
            needed not in self._supervisor.running
            and needed not in self._supervisor.exits
            and not given_up.wait(POLL_S / 5)
        ):
            if time.monotonic() > deadline:
                raise RuntimeFailed(f"{needed} was never started")
        if condition == "service_completed_successfully":
            self._wait_finished(needed, READY_WITHIN_S, given_up)
        elif condition == "service_healthy" and service.kind == "store":
            self._wait_ready(service, needed, READY_WITHIN_S, given_up)

    def _spawn(self, service: Service, name: str, arguments: Sequence[str] = ()) -> None:
        if not places.is_free(port := int(self._addresses[name].rpartition(":")[2])):
            raise RuntimeFailed(f"{name} cannot start: port {port} is taken by {places.holder(port)}")
        command = [*service.command, *arguments]
        module = command[2] if command[:2] == ["python3", "-m"] else None
        request = {
            "argv": command[3:] if module else command,
            "module": module,
            "env": self._environment(service, name),
            "cwd": str(self._app),
            "log": str(self._shop / "logs" / f"{name}.log"),
            "stop": service.stop_signal,
        }
        self._supervisor.spawn(name, request)

    def _wait_ready(self, service: Service, name: str, within_s: float, given_up: threading.Event) -> None:
        deadline, reason = time.monotonic() + within_s, "it was not asked"
        while time.monotonic() < deadline and not given_up.is_set():
            if name in self._supervisor.exits:
                raise RuntimeFailed(self._autopsy(name, f"{name} ended with {self._supervisor.exits[name]}"))
            try:
                readiness.ask(service, name, self._addresses[name], self._secrets)
                return
            except readiness.NotReady as error:
                reason = str(error)
            time.sleep(POLL_S)
        raise RuntimeFailed(self._autopsy(name, f"{name} was not ready within {within_s:.0f} s ({reason})"))

    def _wait_finished(self, name: str, within_s: float, given_up: threading.Event) -> None:
        status = self._supervisor.wait_finished(name, within_s, given_up)
        if status != 0 and not given_up.is_set():
            raise RuntimeFailed(
                self._autopsy(name, f"{name} ended with {status}" if status is not None else f"{name} still runs")
            )

    def _autopsy(self, name: str, what: str) -> str:
        tail = "\n".join(f"    {line}" for line in self._tail(name, 12))
        return f"{what}; the end of its log:\n{tail or '    (empty)'}"

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
        return signals.Signals[self._service(name).stop_signal]

    def _state(self, name: str) -> State:
        process = self._supervisor.running.get(name)
        if process is None or process.process() is None:
            return "stopped"
        return "paused" if name in self._paused else "running"

    def _describe(self, service: Service, name: str) -> Component:
        state, ready, role = self._state(name), False, None
        if state == "running":
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
            memory_mb=round(processes.memory_mb(process), 1) if process else None,
            started_at=datetime.fromtimestamp(process.created, UTC).isoformat(timespec="milliseconds")
            if process
            else None,
        )

    # -- names, files, the nursery
    # ---------------------------------------------------------------------------------------

    def _known(self, service: str) -> Service:
        if service not in self._topology.services:
            near = get_close_matches(service, self._topology.services, n=3)
            raise UnknownComponent(
                f"there is no service {service}" + (f"; do you mean {' or '.join(near)}?" if near else "")
            )
        return self._topology[service]

    def _components(self, service: Service) -> list[str]:
        return service.components(self._scale.get(service.name))

    def _service(self, component: str) -> Service:
        for service in self._topology:
            if component in self._components(service):
                return service
        names = [name for service in self._topology for name in self._components(service)]
        near = get_close_matches(component, names, n=3)
        raise UnknownComponent(
            f"there is no component {component}" + (f"; do you mean {' or '.join(near)}?" if near else "")
        )

    def _process(self, component: str) -> Ours:
        self._service(component)
        if self._state(component) == "stopped":
            raise RuntimeFailed(f"{component} is not running")
        return self._supervisor.running[component]

    def _environment(self, service: Service, name: str) -> dict[str, str]:
        values = {
            **self._secrets,
            **self._addresses.variables(self._scale),
            "LISTEN": self._addresses[name],
            "REPLICA": name,
            "DATA": str(self._shop / "data" / name),
        }
        own = {key: interpolate(text, values) for key, text in service.environment.items()}
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._shop / "data"),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._shop / "tmp"),
            "PYTHONPATH": str(self._app),
            **own,
            "REPLICA": name,
        }

    def _tail(self, name: str, lines: int) -> list[str]:
        path = self._shop / "logs" / f"{name}.log"
        if not path.exists():
            return []
        with path.open(errors="replace") as log:
            return [line.rstrip("\n") for line in deque(log, maxlen=lines)]

    def _prepare_folders(self) -> None:
        shutil.rmtree(self._shop / "tmp", ignore_errors=True)
        for folder in ("data", "logs", "tmp", *(f"data/{s.name}" for s in self._topology)):
            path = self._shop / folder
            path.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                os.chown(path, self._user.uid, self._user.gid)
        for log in (self._shop / "logs").glob("*.log"):
            log.unlink()
