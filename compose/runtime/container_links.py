"""The wire among containers. The replicas of a service share one environment, so a link belongs to the service
(`catalog:postgres-1`), and each link has a port of the wire's container.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from compose.runtime.links import Link
from compose.topology import Service, Topology, interpolate

FIRST_PORT = 7001


def port_of(service: Service) -> str:
    """Where it listens in its container."""
    return interpolate(service.environment.get("LISTEN", ""), {}).rpartition(":")[2]


class ContainerLinks:
    """The links of one shop; a link keeps its port. `project` is Compose's name for the shop."""

    def __init__(self, topology: Topology, project: str) -> None:
        self._topology, self._project = topology, project
        self._ports: dict[str, int] = {}

    def among(self, components: Callable[[Service], Sequence[str]]) -> list[Link]:
        """All links, when these are the components of a service."""
        return [
            self._link(client, self._topology[reached], component)
            for client, reached in self._topology.links()
            for component in components(self._topology[reached])
        ]

    def override(self, links: Iterable[Link]) -> dict[str, Any]:
        """What Compose must merge into compose.yaml: the environment of everybody who goes through the wire."""
        ways: dict[str, dict[str, str]] = {}
        for link in links:
            ways.setdefault(link.client, {})[link.server] = way(link, "wire")
        return {"services": {client: {"environment": self._told(client, ways[client])} for client in ways}}

    def _link(self, client: str, reached: Service, component: str) -> Link:
        port = self._ports.setdefault(f"{client}:{component}", FIRST_PORT + len(self._ports))
        host = component if reached.replicas is None else f"{self._project}-{component}"
        return Link(client=client, server=component, listen=f"0.0.0.0:{port}", upstream=f"{host}:{port_of(reached)}")

    def _told(self, client: str, ways: dict[str, str]) -> dict[str, str]:
        addresses = {f"{server.upper().replace('-', '_')}_ADDR": address for server, address in ways.items()}
        addresses["UPSTREAMS"] = self._upstreams(ways)
        texts = self._topology[client].environment.items()
        return {
            key: interpolate(text, addresses) for key, text in texts if any(f"{{{name}" in text for name in addresses)
        }

    def _upstreams(self, ways: dict[str, str]) -> str:
        told = dict(
            word.split("=") for word in interpolate(self._topology["gateway"].environment["UPSTREAMS"], {}).split()
        )
        for name in told:
            if wired := [ways[component] for component in self._topology[name].components() if component in ways]:
                told[name] = ",".join(wired)
        return " ".join(f"{name}={addresses}" for name, addresses in told.items())


def way(link: Link, wire: str) -> str:
    """Where the link's client connects to, given the wire's name or number."""
    return f"{wire}:{link.listen.rpartition(':')[2]}"
