"""What can be read off a running shop from outside: queues, caches, tables, and what replicas count about themselves.

All of it goes past the gateway and past the wire, so that a fault never blinds the instrument.
"""

import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from compose.runtime.verbs import Runtime
from labs.control.probes import Probes

ASK_S = 1.0
SAMPLE = "shop_"


class Instruments:
    """Every method is bounded in time; who does not answer is left out of the sums. Raises RuntimeFailed."""

    def __init__(self, runtime: Runtime, probes: Probes) -> None:
        self._runtime, self._probes = runtime, probes

    def metrics(self, service: str) -> dict[str, float]:
        """Everything the replicas of a service count, added up: `shop_cache_loads_total{cache="catalog"}` -> 12."""
        total: Counter[str] = Counter()
        for each in self.by_replica(service).values():
            total.update(each)
        return dict(total)

    def by_replica(self, service: str) -> dict[str, dict[str, float]]:
        """The same, apart for each replica that answers."""
        replicas = self._runtime.members(service)
        with ThreadPoolExecutor(max_workers=max(len(replicas), 1)) as pool:
            found = zip(replicas, pool.map(self._count, replicas), strict=True)
            return {replica: counted for replica, counted in found if counted}

    def queues(self) -> dict[str, int]:
        """Messages that wait in each queue, those in a consumer's hands not among them."""
        return self._probes.queue_depths()

    def caches(self) -> dict[str, dict[str, float]]:
        """What each cache node counts."""
        return self._probes.cache_stats()

    def cache_entries(self) -> dict[str, dict[str, float]]:
        """What lies in each cache node, and for how many seconds still."""
        return self._probes.cache_entries()

    def rows(self, query: str, node: str = "") -> list[dict[str, Any]]:
        """Read tables as the administrator: at the primary, or at the node that is named. Changes nothing."""
        with self._probes.sql(node) as connection:
            connection.execute("set transaction read only")
            return connection.execute(query.encode()).fetchall()

    def _count(self, replica: str) -> dict[str, float]:
        with suppress(OSError, http.client.HTTPException, ValueError):
            return parse(self._get(replica, "/metrics"))
        return {}

    def _get(self, replica: str, path: str) -> str:
        connection = http.client.HTTPConnection(self._runtime.address(replica), timeout=ASK_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()


def parse(text: str) -> dict[str, float]:
    """Samples of the shop's own metrics in Prometheus' text format, by name and labels as they are written there."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith(SAMPLE))
    return {name: float(value) for name, _, value in lines}
