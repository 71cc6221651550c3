"""A running shop with its runtime, gateway, faults and data: what control can do, in one place."""

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from compose import gateway
from compose.runtime.verbs import Runtime, RuntimeFailed, UnknownComponent
from labs import faults, invariants
from labs.control.ledger import Entry, Ledger
from labs.control.probes import Probes
from labs.faults.fault import UnknownFault, near

PUT = """
import os, sys, urllib.request
url = "http://127.0.0.1:" + os.environ["LISTEN"].rpartition(":")[2] + sys.argv[1]
urllib.request.urlopen(urllib.request.Request(url, sys.stdin.buffer.read(), method="PUT"), timeout=2)
"""
APPLY = ("python3", "-m", "compose.gateway", "apply")
SHOW = ("python3", "-m", "compose.gateway", "show")


class RunningShop:
    """Every change goes through one lock, so that two clients never mix their steps. Raises RuntimeFailed,
    UnknownFault, SpecInvalid.
    """

    def __init__(self, name: str, folder: Path, runtime: Runtime, secrets: Mapping[str, str]) -> None:
        self.name, self.runtime = name, runtime
        self.probes = Probes(runtime.published(), secrets)
        self._ledger = Ledger(folder / "faults.json")
        self._lock = threading.RLock()
        self._told: gateway.Gateway | None = None

    @property
    def url(self) -> str:
        """The shop's address in a browser."""
        return f"http://{self.runtime.published()['gateway']}"

    def status(self, control_url: str) -> dict[str, Any]:
        """The contract's `status --json`."""
        components = [asdict(component) for component in self.runtime.ps()]
        return {
            "name": self.name,
            "runtime": self.runtime.name,
            "url": self.url,
            "control_url": control_url,
            "wire_url": None,
            "wired": False,
            "components": components,
            "faults": [asdict(entry) for entry in self._ledger.entries()],
        }

    # -- balancing and scale
    # ---------------------------------------------------------------------------------------------

    def balance(self, service: str, policy: str, weights: Mapping[str, int]) -> dict[str, Any]:
        """Switch an upstream's policy live; `weights` by component, everybody else weighs 1."""
        with self._lock:
            spec = self._gateway()
            for server in spec.upstream(service).servers:
                spec = gateway.with_weight(spec, service, server.name, 1)
            for component, weight in weights.items():
                spec = gateway.with_weight(spec, service, component, weight)
            spec = gateway.with_policy(spec, service, "round_robin" if policy == "weights" else policy)
            self._tell_gateway(spec)
            return asdict(spec.upstream(service))

    def scale(self, service: str, replicas: int) -> None:
        """Run that many replicas. New ones join the upstream when ready, surplus ones leave it before they are
        stopped.
        """
        with self._lock:
            if not 1 <= replicas <= 30:
                raise RuntimeFailed(f"{service}={replicas}: a service can have 1 to 30 replicas")
            present = self.runtime.replicas().get(service, {})
            if present and replicas < len(present):
                kept = dict(list(present.items())[:replicas])
                self._tell_gateway(gateway.with_replicas(self._gateway(), service, kept))
            self.runtime.scale(service, replicas)
            if present:
                self.introduce(service)

    def introduce(self, service: str) -> None:
        """Tell the gateway who the replicas of a service are now, and where."""
        replicas = self.runtime.replicas()
        if service in replicas:
            self._tell_gateway(gateway.with_replicas(self._gateway(), service, replicas[service]))

    def introduce_all(self) -> None:
        """The same for all services: replicas under their own names, default policies."""
        spec = self._gateway()
        for service, replicas in self.runtime.replicas().items():
            spec = gateway.with_policy(gateway.with_replicas(spec, service, replicas), service, "round_robin")
        self._tell_gateway(spec)

    def _gateway(self) -> gateway.Gateway:
        return gateway.from_json(self.runtime.exec("gateway", SHOW))

    def _tell_gateway(self, spec: gateway.Gateway) -> None:
        self.runtime.exec("gateway", APPLY, gateway.to_json(spec).encode())
        self._told = spec

    # -- faults
    # ------------------------------------------------------------------------------------------------------------

    def break_(self, name: str, target: str, given: Mapping[str, Any], for_s: float = 0.0) -> Entry:
        """Apply a fault; with `for_s` it heals by itself."""
        fault = faults.find(name)
        values = fault.read(given)
        self._strikes(fault.kinds, name, target)
        with self._lock:
            entry = self._ledger.add(name, target, values)
            try:
                fault.apply(self, target, values)
            except (RuntimeFailed, UnknownFault):
                self._ledger.remove(entry)
                raise
        if for_s > 0:
            timer = threading.Timer(for_s, self._undo, [entry])
            timer.daemon = True
            timer.start()
        return entry

    def heal(self) -> list[str]:
        """Undo every fault, the last one first, and start whatever is not running. Returns what could not be undone."""
        with self._lock:
            failures = [why for entry in reversed(self._ledger.entries()) if (why := self._undo(entry))]
            for component in self.runtime.ps():
                if component.state != "running":
                    try:
                        self.start(component.name)
                    except RuntimeFailed as error:
                        failures.append(str(error))
            return list(dict.fromkeys(failures))

    def _undo(self, entry: Entry) -> str | None:
        with self._lock:
            if entry not in self._ledger.entries():
                return None
            try:
                faults.find(entry.fault).undo(self, entry.target)
            except RuntimeFailed as error:
                if self._is_running(entry.target):
                    return f"{entry.fault} of {entry.target}: {error}"
            self._ledger.remove(entry)
            return None

    def _is_running(self, target: str) -> bool:
        return any(c.name == target and c.state != "stopped" for c in self.runtime.ps())

    def _strikes(self, kinds: Any, fault: str, target: str) -> None:
        components = {component.name: component.kind for component in self.runtime.ps()}
        if target not in components:
            raise UnknownComponent(f"there is no component {target!r}; {near(target, list(components))}")
        if components[target] not in kinds:
            raise UnknownFault(
                f"{fault} cannot strike {target}, a {components[target]}; it strikes: {', '.join(kinds)}"
            )

    # -- what a fault may do: `Patient`
    # --------------------------------------------------------------------------------------

    def start(self, component: str) -> None:
        """Start or resume a component. A container may have a new address, so the gateway is told; a gateway that was
        started anew knows nothing of the policies, so it is told again.
        """
        self.runtime.start(component)
        service = next(c.service for c in self.runtime.ps() if c.name == component)
        if service == "gateway" and self._told:
            self._tell_gateway(self._told)
        elif self.runtime.name == "containers" and service != "gateway":
            self.introduce(service)

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

    def put(self, component: str, path: str, body: Mapping[str, Any]) -> None:
        """PUT a document to one replica, past the gateway."""
        try:
            self.runtime.exec(component, ("python3", "-c", PUT, path), json.dumps(body).encode())
        except RuntimeFailed as error:
            why = str(error).splitlines()[-1]  # of a traceback: what happened
            raise RuntimeFailed(f"{component} could not be told: {why}") from error

    # -- data
    # --------------------------------------------------------------------------------------------------------------

    def check(self, settle_s: float) -> list[dict[str, Any]]:
        """Every invariant of the shop, after waiting until orders in flight have settled."""
        with self.probes.sql() as connection:
            return [asdict(result) for result in invariants.check(connection, settle_s)]

    def reset(self) -> None:
        """Back to the seed: no faults, no orders, full stock, empty caches and queues, round robin everywhere."""
        with self._lock:
            if failures := self.heal():
                raise RuntimeFailed("; ".join(failures))
            with self._workers_away():
                self.probes.purge_queues()
                self.runtime.run("migrate", ("--reset",))
                self.probes.flush_caches()
            self.introduce_all()

    @contextmanager
    def _workers_away(self) -> Iterator[None]:
        """Stop the workers for a moment: a message in hand would be worked on after its order is gone."""
        workers = [component.name for component in self.runtime.ps() if component.kind == "worker"]
        with ThreadPoolExecutor(max_workers=len(workers)) as pool:
            list(pool.map(lambda worker: self.runtime.stop(worker, 2.0), workers))
            try:
                yield
            finally:
                list(pool.map(self.start, workers))

    def logs(self, component: str | None, tail: int) -> Iterator[str]:
        """The last lines of one component's log, or of all."""
        return self.runtime.logs(component, tail)
