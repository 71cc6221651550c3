"""Which loopback port each local component listens on, within the shop's block of a hundred."""

from collections.abc import Iterable, Mapping

from compose.runtime.verbs import RuntimeFailed
from compose.topology import Topology

GATEWAY, GATEWAY_INTERNAL, CONTROL, WIRE = 0, 1, 2, 3
FIXED = {
    "gateway": GATEWAY,
    "memcached-1": 11,
    "memcached-2": 12,
    "memcached-3": 13,
    "postgres-1": 32,
    "postgres-2": 33,
    "rabbitmq": 72,
}
DISTRIBUTION = 74
FREE = (*range(40, 70), *range(75, 100))


class Addresses:
    """component -> "127.0.0.1:port"; replicas get the next free port of the block and keep it."""

    def __init__(self, topology: Topology, base: int) -> None:
        self._base = base
        self._topology = topology
        self._ports = {name: base + offset for name, offset in FIXED.items()}
        for service in topology:
            self.reserve(service.components())

    def reserve(self, components: Iterable[str]) -> None:
        """Give each component a port unless it has one. Raises RuntimeFailed when the block is full."""
        for component in components:
            if component not in self._ports:
                taken = set(self._ports.values())
                free = [self._base + offset for offset in FREE if self._base + offset not in taken]
                if not free:
                    raise RuntimeFailed(
                        f"no port left for {component}: {len(FREE)} replicas is the most a local shop can have"
                    )
                self._ports[component] = free[0]

    def __getitem__(self, component: str) -> str:
        return f"127.0.0.1:{self._ports[component]}"

    def variables(self, scale: Mapping[str, int]) -> dict[str, str]:
        """What compose.yaml's placeholders stand for when everything is on loopback."""
        upstreams = {
            name: ",".join(self[c] for c in self._topology[name].components(scale.get(name)))
            for name in self._topology.balanced()
        }
        single = [service.name for service in self._topology if service.replicas is None]
        return {
            **{f"{name.upper().replace('-', '_')}_ADDR": self[name] for name in single},
            "GATEWAY_INTERNAL_ADDR": f"127.0.0.1:{self._base + GATEWAY_INTERNAL}",
            "LISTEN_INTERNAL": f"127.0.0.1:{self._base + GATEWAY_INTERNAL}",
            "DIST_PORT": str(self._base + DISTRIBUTION),
            "UPSTREAMS": " ".join(f"{name}={addresses}" for name, addresses in upstreams.items()),
        }
