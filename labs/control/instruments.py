"""What can be read off a running shop from outside: queues, caches, tables, and what replicas count about themselves.

All of it goes past the gateway and past the wire, so that a fault never blinds the instrument.
"""

import http.client
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from compose.runtime.verbs import Runtime, State
from labs.control.probes import Probes

ASK_S = 1.0
SAMPLE = "shop_"
FLAGS = "shop_flags_version"


class Instruments:
    """Every method is bounded in time; who does not answer is left out of the sums. Raises RuntimeFailed."""

    def __init__(self, runtime: Runtime, probes: Probes) -> None:
        self._runtime, self._probes = runtime, probes

    def metrics(self, service: str) -> dict[str, float]:
        """Everything the replicas of a service count, added up: `shop_cache_loads_total{cache="catalog"}` -> 12."""
        total: Counter[str] = Counter()
        for each in self._by_replica(self._runtime.members(service)).values():
            total.update(each)
        return dict(total)

    def behind(self, services: Sequence[str], version: int) -> dict[str, State]:
        """Whoever of these is there and does not know the flags of that version: running, or paused."""
        known = self._by_replica([replica for service in services for replica in self._runtime.members(service)])
        late = [replica for replica, counted in known.items() if counted.get(FLAGS, 0) < version]
        states = {replica: self._runtime.state(replica) for replica in late}
        return {replica: state for replica, state in states.items() if state != "stopped"}

    def queues(self) -> dict[str, int]:
        """Messages that wait in each queue, those in a consumer's hands not among them."""
        return self._probes.queue_depths()

    def caches(self) -> dict[str, dict[str, float]]:
        """What each cache node counts."""
        return self._probes.cache_stats()

    def cache_entries(self) -> dict[str, dict[str, float]]:
        """What lies in each cache node, and for how many seconds still."""
        return self._probes.cache_entries()

    def rows(self, query: str, node: str = "", values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Read tables as the administrator: at the primary, or at the node that is named. `values` by their names in
        the query. Changes nothing.
        """
        with self._probes.sql(node) as connection:
            connection.execute("set transaction read only")
            return connection.execute(query.encode(), values).fetchall()

    def _by_replica(self, replicas: Sequence[str]) -> dict[str, dict[str, float]]:
        """What each of them counts; nothing for who does not answer."""
        with ThreadPoolExecutor(max_workers=max(len(replicas), 1)) as pool:
            return dict(zip(replicas, pool.map(self._count, replicas), strict=True))

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
