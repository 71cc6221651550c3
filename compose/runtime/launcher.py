"""Bringing local components up: each as soon as what it needs is there; all are given up when one fails."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from compose import places
from compose.runtime import readiness
from compose.runtime.addresses import Addresses
from compose.runtime.roster import Roster
from compose.runtime.supervisor import Supervisor
from compose.runtime.surroundings import Surroundings
from compose.runtime.verbs import Progress, RuntimeFailed, first_line
from compose.topology import Service

READY_WITHIN_S, OPTIONAL_WITHIN_S = 90.0, 20.0
POLL_S = 0.05
FIRST = ("rabbitmq",)  # the slowest starter goes first, everything else starts beside it


class Late(RuntimeFailed):
    """It runs, and is not ready in time."""


class Launcher:
    """Starts components and waits for them. Raises RuntimeFailed with the end of the log that tells why."""

    def __init__(
        self,
        supervisor: Supervisor,
        roster: Roster,
        addresses: Addresses,
        around: Surroundings,
        secrets: Mapping[str, str],
    ) -> None:
        self._supervisor, self._roster, self._addresses = supervisor, roster, addresses
        self._around, self._secrets = around, secrets

    def bring_all_up(self, progress: Progress) -> None:
        """Start every component and wait until all are ready; the first failure stops the rest."""
        names = sorted(self._roster.names(), key=lambda name: name not in FIRST)
        given_up = threading.Event()
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            jobs = [pool.submit(self._bring_up, name, progress, given_up) for name in names]
            try:
                for job in as_completed(jobs):
                    job.result()
            except BaseException:
                given_up.set()
                raise

    def spawn(self, service: Service, name: str, arguments: Sequence[str] = ()) -> None:
        """Start a component's process; returns when it runs or has already ended."""
        if not places.is_free(port := int(self._addresses[name].rpartition(":")[2])):
            raise RuntimeFailed(f"{name} cannot start: port {port} is taken by {places.holder(port)}")
        command = [*service.command, *arguments]
        module = command[2] if command[:2] == ["python3", "-m"] else None
        request = {
            "argv": command[3:] if module else command,
            "module": module,
            "env": self._around.environment(service, name),
            "cwd": str(self._around.source),
            "log": str(self._around.log(name)),
            "stop": service.stop_signal,
        }
        self._supervisor.spawn(name, request)

    def wait_ready(self, name: str, within_s: float, given_up: threading.Event) -> None:
        """Ask it until it says that it is ready."""
        service, reason = self._roster.of(name), "it was not asked"
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not given_up.is_set():
            if name in self._supervisor.exits:
                ended = f"{name} ended with {self._supervisor.exits[name]}"
                raise RuntimeFailed(self._around.autopsy(name, ended))
            try:
                readiness.ask(service, name, self._addresses[name], self._secrets)
                return
            except readiness.NotReady as error:
                reason = str(error)
            time.sleep(POLL_S)
        raise Late(self._around.autopsy(name, f"{name} was not ready within {within_s:.0f} s ({reason})"))

    def wait_finished(self, name: str, within_s: float, given_up: threading.Event) -> None:
        """Wait for the good end of a job."""
        status = self._supervisor.wait_finished(name, within_s, given_up)
        if status != 0 and not given_up.is_set():
            what = f"{name} still runs" if status is None else f"{name} ended with {status}"
            raise RuntimeFailed(self._around.autopsy(name, what))

    def _bring_up(self, name: str, progress: Progress, given_up: threading.Event) -> None:
        service = self._roster.of(name)
        try:
            for other, condition in service.after.items():
                for needed in self._roster.components(self._roster.service(other)):
                    self._await_condition(needed, condition, given_up)
            progress(name, "starting")
            self.spawn(service, name)
            progress(name, self._wait(service, name, given_up))
        except RuntimeFailed as error:
            if not given_up.is_set():
                given_up.set()
                progress(name, f"failed: {first_line(error)}")
                raise

    def _wait(self, service: Service, name: str, given_up: threading.Event) -> str:
        """Until it is ready, or its job is done. The shop sells without what is optional, so that may be late."""
        try:
            if service.kind == "job":
                self.wait_finished(name, READY_WITHIN_S, given_up)
            else:
                self.wait_ready(name, OPTIONAL_WITHIN_S if service.tier == "optional" else READY_WITHIN_S, given_up)
        except Late:
            if service.tier != "optional" or given_up.is_set():
                raise
            return f"not ready within {OPTIONAL_WITHIN_S:.0f} s; the shop sells without it"
        return "ready"

    def _await_condition(self, needed: str, condition: str, given_up: threading.Event) -> None:
        """Local processes that need a service started or healthy bind lazily; only what must be finished or in place
        is waited for.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._supervisor.has_started(needed) and not given_up.wait(POLL_S / 5):
            if time.monotonic() > deadline:
                raise RuntimeFailed(f"{needed} was never started")
        if condition == "service_completed_successfully":
            self.wait_finished(needed, READY_WITHIN_S, given_up)
        elif condition == "service_healthy" and self._roster.of(needed).kind in ("store", "wire"):
            self.wait_ready(needed, READY_WITHIN_S, given_up)
