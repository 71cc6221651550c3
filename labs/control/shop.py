"""A running shop with its runtime, gateway, faults and data: what control can do, in one place."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

from compose import topology
from compose.gateway import SpecInvalid
from compose.runtime.links import family
from compose.runtime.verbs import Component, Runtime, RuntimeFailed, first_line
from labs import invariants
from labs.control import lane
from labs.control.backups import Parts, ShopBackups
from labs.control.balancer import Balancer
from labs.control.bounds import MOST_REPLICAS
from labs.control.broker import Broker
from labs.control.caches import Caches
from labs.control.flags import FlagBoard, Value
from labs.control.health import HealthWatch
from labs.control.helpers import Helpers
from labs.control.in_force import FaultsInForce
from labs.control.instruments import Instruments
from labs.control.ledger import Entry, Ledger
from labs.control.links import Links
from labs.control.postgres import Postgres
from labs.control.probes import Probes
from labs.control.rate_limits import GatewayLimits
from labs.control.repairs import Repairs
from labs.control.roles import Roles
from labs.control.sale import Sales
from labs.control.watching import AWAY, rest

PUT = """
import os, sys, urllib.request
url = "http://127.0.0.1:" + os.environ["LISTEN"].rpartition(":")[2] + sys.argv[1]
urllib.request.urlopen(urllib.request.Request(url, sys.stdin.buffer.read(), method="PUT"), timeout=2)
"""
FOLLOW_S = 3.0
ORDERING = ("orders", lane.ORDERS)
FOLLOWERS: Mapping[str, Sequence[str]] = {
    "gateway": (),
    "postgres": (),
    "orders": ORDERING,
    "fulfilment": ("fulfilment", lane.PACKER),
    lane.HOT_ITEM: (*ORDERING, "storefront"),
}
"""Which services follow a flag, where it is not just the one that it is named after. Some only control obeys."""


class RunningShop:
    """Every change goes through one lock, so that two clients never mix their steps, but while a fault rests. Raises
    RuntimeFailed, UnknownFault, SpecInvalid.
    """

    def __init__(self, name: str, folder: Path, runtime: Runtime, secrets: Mapping[str, str]) -> None:
        self.name, self.runtime = name, runtime
        addresses = runtime.published()
        self.probes = Probes(addresses, secrets)
        self.postgres = Postgres(self.probes, addresses, secrets)
        self.broker = Broker(runtime, self.probes)
        self.caches = Caches(addresses)
        self.links = Links(runtime)
        self.helpers = Helpers()
        self.balancer = Balancer(runtime)
        self.instruments = Instruments(runtime, self.probes)
        self.flags = FlagBoard(self.probes)
        self.repairs = Repairs(self.probes)
        self._sales = Sales(self)
        self._lock = threading.RLock()
        self.health = HealthWatch(self.balancer, self.flags.value, self._lock)
        self.limits = GatewayLimits(self.balancer, self.flags.value, self._lock)
        self.roles = Roles(runtime, addresses, secrets["ADMIN_PASSWORD"], self.flags.value, self._lock, folder)
        self._backups = ShopBackups(
            Parts(runtime, self.roles, self.probes, self.flags, self.repairs, self.writers_away, folder)
        )
        self._faults = FaultsInForce(self, runtime, Ledger(folder / "faults.json"), self._lock)

    def watch(self) -> None:
        """Look after replicas and the primary until `close`."""
        self.health.start()
        self.limits.start()
        self.roles.start()

    def close(self) -> None:
        """End what was started beside the shop."""
        self.roles.stop()
        self._faults.stop()
        self.helpers.end_all()

    @property
    def url(self) -> str:
        """The shop's address in a browser."""
        return f"http://{self.runtime.published()['gateway']}"

    def status(self, control_url: str, memory: bool = False) -> dict[str, Any]:
        """The contract's `status --json`."""
        components = [asdict(component) for component in self.runtime.ps(memory)]
        wire = self.runtime.published().get("wire")
        return {
            "name": self.name,
            "runtime": self.runtime.name,
            "url": self.url,
            "control_url": control_url,
            "wire_url": f"http://{wire}" if wire else None,
            "wired": wire is not None,
            "components": components,
            "faults": [asdict(entry) for entry in self._faults.entries()],
            "replication": self.roles.replication(),
            "moves": self.roles.steps,
            "fences": self.roles.fences,
        }

    # -- balancing and scale -------------------------------------------------------------------------------------------

    def balance(self, service: str, policy: str, weights: Mapping[str, int]) -> dict[str, Any]:
        """Switch an upstream's policy live; `weights` by component, everybody else weighs 1."""
        with self._lock:
            return self.balancer.balance(service, policy, weights)

    def scale(self, service: str, replicas: int) -> None:
        """Run that many replicas; none is possible only for what rests at none. New ones join the upstream when ready,
        surplus ones leave it before they are stopped.
        """
        with self._lock:
            fewest = 0 if service in self.runtime.resting() else 1
            if not fewest <= replicas <= MOST_REPLICAS:
                raise RuntimeFailed(f"{service}={replicas}: a service can have {fewest} to {MOST_REPLICAS} replicas")
            present = self.runtime.replicas().get(service, {})
            if replicas < len(present):
                self.balancer.share_among(service, dict(list(present.items())[:replicas]))
            self.runtime.scale(service, replicas)
            self._faults.renew_links()
            self.balancer.introduce(service)

    def open_lane(self, sku: str) -> None:
        """Give an item a lane of its own."""
        lane.open_lane(self, sku)

    def close_lane(self) -> None:
        """Let every order go the usual way again."""
        lane.close_lane(self)

    # -- flags ---------------------------------------------------------------------------------------------------------

    def set_flag(self, name: str, text: str | Value) -> tuple[Value, list[str]]:
        """Switch something in the running shop, whatever else is under way; returns when every replica that runs
        follows. The flag's value, and who does not follow yet: replicas that are frozen, or did not hear of it in time.
        Raises UnknownFlag.
        """
        service = name.partition(".")[0]
        value, version = self.flags.set(name, text)
        if service == "postgres":
            self.roles.obey()
        if service == "gateway":
            with suppress(RuntimeFailed, SpecInvalid):  # a gateway that is away hears it later
                self.limits.obey()
        followers = FOLLOWERS.get(name) or FOLLOWERS.get(service, (service,))
        deadline = time.monotonic() + FOLLOW_S
        behind = self.instruments.behind(followers, version)
        while "running" in behind.values() and time.monotonic() < deadline:
            time.sleep(0.1)
            behind = self.instruments.behind(followers, version)
        return value, list(behind)

    # -- a sale --------------------------------------------------------------------------------------------------------

    def start_sale(self, sku: str, stock: int, rate: float, lane: bool) -> dict[str, Any]:
        """Sell an item to a line of people, so many admitted a second; the sale's status."""
        with self._lock:
            return self._sales.start(sku, stock, rate, lane)

    def pace_sale(self, rate: float) -> dict[str, Any]:
        """Admit faster or slower from now on; the sale's status."""
        with self._lock:
            return self._sales.pace(rate)

    def sale(self) -> dict[str, Any] | None:
        """The status of the sale that is on."""
        return self._sales.status()

    def stop_sale(self) -> dict[str, Any] | None:
        """End it; how it was. None: there was none. Not under the lock for as long as the lane's last parcels are
        packed: the primary's watch needs it.
        """
        return self._sales.stop()

    # -- faults --------------------------------------------------------------------------------------------------------

    def break_(self, name: str, target: str, given: Mapping[str, Any], for_s: float = 0.0) -> Entry:
        """Apply a fault; with `for_s` it heals by itself."""
        return self._faults.strike(name, target, given, for_s)

    def targets(self) -> dict[str, list[str]]:
        """What each fault can strike here."""
        return self._faults.targets()

    def heal(self) -> list[str]:
        """Undo every fault, the last one first, start whatever is not running, and take from the wire what others put
        there. Returns what could not be undone.
        """
        with self._lock:
            self._faults.undo_all()  # what needs its target alive is undone in the second round
            failures = self._start_all()
            with suppress(*AWAY):  # no gateway yet
                self.health.look()
            return list(dict.fromkeys([*self._faults.undo_all(), *self._clear_links(), *failures]))

    def undo_what_outlived(self) -> None:
        """To be called once the shop is up: an earlier control may have been killed in the middle of a fault or a
        sale.
        """
        self._faults.undo_what_outlived()
        self._sales.end_what_outlived()

    def _start_all(self) -> list[str]:
        """Why those did not start that did not. Stores all at once: one Postgres may have to wait for the other."""
        away = [component for component in self.runtime.ps() if component.state != "running"]
        stores = [component.name for component in away if component.kind == "store"]
        with ThreadPoolExecutor(max_workers=max(len(stores), 1)) as pool:
            failures = list(pool.map(self._try_start, stores))
        failures += [self._try_start(component.name) for component in away if component.name not in stores]
        return [why for why in failures if why]

    def _try_start(self, component: str) -> str | None:
        try:
            self.start(component)
        except RuntimeFailed as error:
            return str(error)
        return None

    def _clear_links(self) -> list[str]:
        try:
            self.links.clear_all()
        except RuntimeFailed as error:
            return [str(error)]
        return []

    # -- what a fault may do: `Patient` --------------------------------------------------------------------------------

    def start(self, component: str) -> None:
        """Start or resume a component. A container may have a new address, so the gateway is told; a gateway that was
        started anew knows nothing of the policies, so it is told again.
        """
        self.runtime.start(component)
        service = next(c.service for c in self.runtime.ps() if c.name == component)
        if service == "gateway":
            self.balancer.tell_again()
        elif service == "wire":
            self._faults.renew_links()
        if self.runtime.name == "containers":
            for moved in self._reached_at(service):
                self.balancer.introduce(moved)

    def _reached_at(self, service: str) -> set[str]:
        """Whom the gateway finds where this service is: the wire stands for those behind it."""
        behind = {family(link.server) for link in self.runtime.links() if link.client == "gateway"}
        return behind if service == "wire" else {service}

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
        rest(self._lock, seconds)

    def runs(self, component: str) -> bool:
        """Is it there?"""
        return any(each.name == component and each.state != "stopped" for each in self.runtime.ps())

    def members(self, service: str) -> Sequence[str]:
        """Its components, whatever their state."""
        return self.runtime.members(service)

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Read tables."""
        return self.instruments.rows(query, values=values)

    def put(self, component: str, path: str, body: Mapping[str, Any]) -> None:
        """PUT a document to one replica, past the gateway."""
        try:
            self.runtime.exec(component, ("python3", "-c", PUT, path), json.dumps(body).encode())
        except RuntimeFailed as error:
            why = str(error).splitlines()[-1]  # of a traceback: what happened
            raise RuntimeFailed(f"{component} could not be told: {why}") from error

    # -- data ----------------------------------------------------------------------------------------------------------

    def check(self, settle_s: float) -> list[dict[str, Any]]:
        """Every invariant of the shop, after waiting until orders in flight have settled."""
        try:
            with self.probes.sql() as connection:
                return [asdict(result) for result in invariants.check(connection, settle_s)]
        except psycopg.errors.UndefinedTable as error:
            raise RuntimeFailed(f"nothing can be proved: {first_line(error)}") from error

    def reset(self) -> None:
        """Back to the seed: no faults, no orders, full stock, empty caches and queues, flags, replicas, balancing and
        Postgres' roles as they were at first.
        """
        with self._lock:
            if failures := self.heal():
                raise RuntimeFailed("; ".join(failures))
            self.roles.as_described()
            self._scale_as_described()
            with self.workers_away():
                self.probes.purge_queues()
                self.flags.clear()
                self.roles.obey()
                self.limits.obey()
                self.runtime.run("migrate", ("--reset",))
                self.probes.flush_caches()
            self._backups.forget_aside()
            self.balancer.introduce_all()

    def _scale_as_described(self) -> None:
        described = topology.load()
        for service in described.scalable():
            replicas = described[service].replicas or 0
            if len(self.runtime.members(service)) != replicas:
                self.scale(service, replicas)

    def backup(self) -> dict[str, Any]:
        """Take a base backup now."""
        with self._lock:
            return self._backups.take()

    def backups(self) -> dict[str, Any]:
        """What there is to restore, and how far."""
        return self._backups.all()

    def restore(self, to: str) -> dict[str, Any]:
        """Bring the data of a moment back, or of a backup."""
        with self._lock:
            report = self._backups.restore(to)
            self._sales.end_what_outlived()
            with suppress(*AWAY):
                self.health.look()
            return report

    def digests(self) -> list[dict[str, Any]]:
        """Rows and digest of every table."""
        return self._backups.digests()

    def workers_away(self) -> AbstractContextManager[None]:
        """Stop the workers for a moment, frozen ones too: what they have in hand goes back, nothing is worked on."""
        return self._away(lambda component: component.kind == "worker")

    def writers_away(self) -> AbstractContextManager[None]:
        """The same, and nobody orders either: all that is written begins with one of them."""
        return self._away(lambda component: component.kind == "worker" or component.service in ORDERING)

    @contextmanager
    def _away(self, whom: Callable[[Component], bool]) -> Iterator[None]:
        away = [each.name for each in self.runtime.ps() if whom(each) and each.state != "stopped"]
        try:
            _at_once(lambda component: self.runtime.stop(component, 2.0), away)
            yield
        finally:
            _at_once(self.start, away)

    def logs(self, component: str | None, tail: int) -> Iterator[str]:
        """The last lines of one component's log, or of all."""
        return self.runtime.logs(component, tail)


def _at_once(verb: Callable[[str], object], components: Sequence[str]) -> None:
    """Do it to all of them at the same time, also to the others when it fails for one. Raises what it raises."""
    with ThreadPoolExecutor(max_workers=max(len(components), 1)) as pool:
        jobs = [pool.submit(verb, component) for component in components]
    for job in jobs:
        job.result()
