"""A running shop: its parts, how they hang together, and what takes several of them."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from compose.runtime.verbs import Runtime, RuntimeFailed
from labs.control import lane
from labs.control.backups import Parts, ShopBackups
from labs.control.balancer import Balancer
from labs.control.broker import Broker
from labs.control.caches import Caches
from labs.control.components import Components
from labs.control.data import ShopData
from labs.control.flag_changes import FlagChanges
from labs.control.flags import FlagBoard, Value
from labs.control.health import HealthWatch
from labs.control.helpers import Helpers
from labs.control.in_force import FaultsInForce
from labs.control.instruments import Instruments
from labs.control.ledger import Ledger
from labs.control.links import Links
from labs.control.patient import ShopPatient
from labs.control.postgres import Postgres
from labs.control.probes import Probes
from labs.control.rate_limits import GatewayLimits
from labs.control.repairs import Repairs
from labs.control.roles import Roles
from labs.control.sale import Sales
from labs.control.watching import AWAY


class RunningShop:
    """Every change goes through one lock, so that two clients never mix their steps, but while a fault rests, and but
    for flags. Raises RuntimeFailed, SpecInvalid.
    """

    def __init__(self, name: str, folder: Path, runtime: Runtime, secrets: Mapping[str, str]) -> None:
        self.name, self.runtime = name, runtime
        self._lock = lock = threading.RLock()
        addresses = runtime.published()
        self.probes = Probes(addresses, secrets)
        self.balancer = Balancer(runtime)
        self.instruments = Instruments(runtime, self.probes)
        self.flags = FlagBoard(self.probes)
        self.repairs = Repairs(self.probes)
        self.health = HealthWatch(self.balancer, self.flags.value, lock)
        self.limits = GatewayLimits(self.balancer, self.flags.value, lock)
        self.roles = Roles(runtime, addresses, secrets["ADMIN_PASSWORD"], self.flags.value, lock, folder)
        # The faults are made later: they need the components, and a wire that is started anew needs them.
        self.components = Components(runtime, self.balancer, lock, renew_links=lambda: self.faults.renew_links())
        self._flag_changes = FlagChanges(self.flags, self.roles, self.limits, self.instruments)
        self._links, self._helpers = Links(runtime), Helpers()
        patient = ShopPatient(
            runtime=runtime,
            components=self.components,
            flag_changes=self._flag_changes,
            lock=lock,
            balancer=self.balancer,
            postgres=Postgres(self.probes, addresses, secrets),
            broker=Broker(runtime, self.probes),
            caches=Caches(addresses),
            links=self._links,
            helpers=self._helpers,
        )
        self.faults = FaultsInForce(patient, runtime, Ledger(folder / "faults.json"), lock)
        self.sales = Sales(self, lock)
        away = self.components.writers_away
        backups = ShopBackups(Parts(runtime, self.roles, self.probes, self.flags, self.repairs, away, folder))
        self.data = ShopData(self, backups, lock)

    def watch(self) -> None:
        """Look after replicas and the primary until `close`."""
        self.health.start()
        self.limits.start()
        self.roles.start()

    def close(self) -> None:
        """End what was started beside the shop."""
        self.roles.stop()
        self.faults.stop()
        self._helpers.end_all()

    def undo_what_outlived(self) -> None:
        """To be called once the shop is up: an earlier control may have been killed in the middle of a fault or a
        sale.
        """
        self.faults.undo_what_outlived()
        self.sales.end_what_outlived()

    @property
    def url(self) -> str:
        """The shop's address in a browser."""
        return self.components.url

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
            "faults": [asdict(entry) for entry in self.faults.entries()],
            "replication": self.roles.replication(),
            "moves": self.roles.steps,
            "fences": self.roles.fences,
        }

    def heal(self) -> list[str]:
        """Undo every fault, the last one first, start whatever is not running, and take from the wire what others put
        there. Returns what could not be undone.
        """
        with self._lock:
            self.faults.undo_all()  # what needs its target alive is undone in the second round
            failures = self.components.start_all()
            with suppress(*AWAY):  # no gateway yet
                self.health.look()
            return list(dict.fromkeys([*self.faults.undo_all(), *self._clear_links(), *failures]))

    def _clear_links(self) -> list[str]:
        try:
            self._links.clear_all()
        except RuntimeFailed as error:
            return [str(error)]
        return []

    def balance(self, service: str, policy: str, weights: Mapping[str, int]) -> dict[str, Any]:
        """Switch an upstream's policy live; `weights` by component, everybody else weighs 1."""
        with self._lock:
            return self.balancer.balance(service, policy, weights)

    def scale(self, service: str, replicas: int) -> None:
        """Run that many replicas."""
        self.components.scale(service, replicas)

    def set_flag(self, name: str, text: str | Value) -> tuple[Value, list[str]]:
        """Switch something in the running shop. The flag's value, and who does not follow yet. Raises UnknownFlag."""
        return self._flag_changes.make(name, text)

    def open_lane(self, sku: str) -> None:
        """Give an item a lane of its own."""
        lane.open_lane(self, sku)

    def close_lane(self) -> None:
        """Let every order go the usual way again."""
        lane.close_lane(self)

    def members(self, service: str) -> Sequence[str]:
        """Its components, whatever their state."""
        return self.runtime.members(service)

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Read tables."""
        return self.instruments.rows(query, values=values)
