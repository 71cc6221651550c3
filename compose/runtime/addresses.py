"""Which loopback port each local component listens on, within the shop's block of a hundred; where the wire does.

A link needs no port of its own. Each component has a loopback host for what it reaches through the wire, and there the
wire listens on the very port of whom it leads to: 127.0.0.1:21032 is 127.0.1.42:21032 for the component whose own port
is 21042.
"""

from collections.abc import Callable, Iterable, Mapping

from compose.runtime.links import Link, to_json
from compose.runtime.verbs import RuntimeFailed
from compose.topology import Service, Topology

GATEWAY, GATEWAY_INTERNAL, CONTROL, WIRE = 0, 1, 2, 3
FIXED = {
    "gateway": GATEWAY,
    "control": CONTROL,
    "wire": WIRE,
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
    """component -> "127.0.0.1:port"; replicas get the next free port of the block and keep it while it stays free."""

    def __init__(self, topology: Topology, base: int) -> None:
        self._base = base
        self._topology = topology
        self._ports = {name: base + offset for name, offset in FIXED.items()}
        for service in topology:
            self.reserve(service.components())

    def reserve(self, components: Iterable[str], usable: Callable[[int], bool] = lambda _: True) -> None:
        """Give each component a port unless it has a usable one. Raises RuntimeFailed when the block is full; then
        nobody gets any.
        """
        ports = dict(self._ports)
        for component in components:
            if component not in ports or not usable(ports[component]):
                block = (self._base + offset for offset in FREE)
                free = next((port for port in block if port not in ports.values() and usable(port)), None)
                if free is None:
                    raise RuntimeFailed(
                        f"no port left for {component}: the {len(FREE)} that a local shop has for replicas are taken"
                    )
                ports[component] = free
        self._ports = ports

    def __getitem__(self, component: str) -> str:
        return f"127.0.0.1:{self._ports[component]}"

    def link(self, client: str, server: str) -> Link:
        """The way of one component to another through the wire."""
        listen = f"{self._wire_host(client)}:{self._ports[server]}"
        return Link(client=client, server=server, listen=listen, upstream=self[server])

    def links(self, scale: Mapping[str, int]) -> list[Link]:
        """All of them; where there is a wire, control looks through it as well whether a Postgres can be reached."""
        found = [
            self.link(client, server)
            for service, reached in self._topology.links()
            for client in self._components(service, scale)
            for server in self._components(reached, scale)
        ]
        watched = [service.name for service in self._topology if service.ready == "postgres"] if found else []
        return found + [self.link("control", server) for server in watched]

    def variables(self, scale: Mapping[str, int], service: Service, component: str) -> dict[str, str]:
        """What compose.yaml's placeholders stand for when everything is on loopback, for one component."""
        wired = {reached for client, reached in self._topology.links() if client == service.name}

        def reached_at(name: str, server: str) -> str:
            if name not in wired:
                return self[server]
            link = self.link(component, server)
            return link.listen if service.replicas is None else f"wire:{self._ports[server]}"

        single = [each.name for each in self._topology if each.replicas is None]
        upstreams = {
            name: ",".join(reached_at(name, server) for server in self._components(name, scale))
            for name in self._topology.balanced()
        }
        return {
            **{f"{name.upper().replace('-', '_')}_ADDR": reached_at(name, name) for name in single},
            "GATEWAY_INTERNAL_ADDR": f"127.0.0.1:{self._base + GATEWAY_INTERNAL}",
            "LISTEN_INTERNAL": f"127.0.0.1:{self._base + GATEWAY_INTERNAL}",
            "DIST_PORT": str(self._base + DISTRIBUTION),
            "UPSTREAMS": " ".join(f"{name}={addresses}" for name, addresses in upstreams.items()),
            "WIRE": self._wire_host(component),
            "LINKS": to_json(self.links(scale)),
        }

    def _wire_host(self, client: str) -> str:
        return f"127.0.1.{self._ports[client] - self._base}"

    def _components(self, service: str, scale: Mapping[str, int]) -> list[str]:
        return self._topology[service].components(scale.get(service))
