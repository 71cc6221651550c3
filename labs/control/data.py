"""What the shop knows: proved to be right, put back to the seed, backed up, and brought back from a backup."""

import threading
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Protocol

import psycopg

from compose.runtime.verbs import Runtime, RuntimeFailed, first_line
from labs import invariants
from labs.control.backups import ShopBackups
from labs.control.balancer import Balancer
from labs.control.components import Components
from labs.control.flags import FlagBoard
from labs.control.health import HealthWatch
from labs.control.probes import Probes
from labs.control.rate_limits import GatewayLimits
from labs.control.roles import Roles
from labs.control.sale import Sales
from labs.control.watching import AWAY


class Shop(Protocol):
    """What must fit the data; see `shop.RunningShop`."""

    runtime: Runtime
    components: Components
    balancer: Balancer
    probes: Probes
    flags: FlagBoard
    roles: Roles
    health: HealthWatch
    limits: GatewayLimits
    sales: Sales

    def heal(self) -> list[str]: ...


class ShopData:
    """Of one running shop, whose lock it takes for every change. Raises RuntimeFailed, UnknownComponent."""

    def __init__(self, shop: Shop, backups: ShopBackups, lock: threading.RLock) -> None:
        self._shop, self._backups, self._lock = shop, backups, lock

    def check(self, settle_s: float) -> list[dict[str, Any]]:
        """Every invariant of the shop, after waiting until orders in flight have settled."""
        try:
            with self._shop.probes.sql() as connection:
                return [asdict(result) for result in invariants.check(connection, settle_s)]
        except psycopg.errors.UndefinedTable as error:
            raise RuntimeFailed(f"nothing can be proved: {first_line(error)}") from error

    def reset(self) -> None:
        """Back to the seed: no faults, no orders, full stock, empty caches and queues, flags, replicas, balancing and
        Postgres' roles as they were at first.
        """
        shop = self._shop
        with self._lock:
            if failures := shop.heal():
                raise RuntimeFailed("; ".join(failures))
            shop.roles.as_described()
            shop.components.scale_as_described()
            with shop.components.workers_away():
                shop.probes.purge_queues()
                shop.flags.clear()
                shop.roles.obey()
                shop.limits.obey()
                shop.runtime.run("migrate", ("--reset",))
                shop.probes.flush_caches()
            self._backups.forget_aside()
            shop.balancer.introduce_all()

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
            self._shop.sales.end_what_outlived()
            with suppress(*AWAY):
                self._shop.health.look()
            return report

    def digests(self) -> list[dict[str, Any]]:
        """Rows and digest of every table."""
        return self._backups.digests()
