"""Which container a component is: `catalog-2` is number 2 of the service `catalog`, told by Compose's labels."""

from collections.abc import Mapping

from compose.runtime.container_engine import Container, Engine
from compose.runtime.verbs import RuntimeFailed, unknown
from compose.topology import Service, Topology


class Finder:
    """Asks the engine each time. `asked_for`: how many replicas, where somebody said so; nothing else is remembered."""

    def __init__(self, topology: Topology, engine: Engine) -> None:
        self._topology, self._engine = topology, engine
        self.asked_for: dict[str, int] = {}

    def found(self) -> dict[str, Container]:
        """Component -> its container, for those that have one, in the order of compose.yaml."""
        found = [c for c in self._engine.containers() if c.service in self._topology.services]
        order = list(self._topology.services)
        found.sort(key=lambda c: (order.index(c.service), c.number))
        return {self._topology[c.service].components(c.number)[-1]: c for c in found}

    def components(self, service: Service, found: Mapping[str, Container]) -> list[str]:
        """As many as were asked for; a shop that runs already knows how many those were."""
        running = sum(1 for container in found.values() if container.service == service.name)
        return service.components(self.asked_for.get(service.name, running or None))

    def names(self, found: Mapping[str, Container]) -> list[str]:
        """Every component, in the order of compose.yaml."""
        return [name for service in self._topology for name in self.components(service, found)]

    def container(self, component: str) -> Container:
        """Whatever its state. Raises UnknownComponent, or RuntimeFailed when the shop is not up."""
        found = self.found()
        if component in found:
            return found[component]
        names = self.names(found)
        if component in names:
            raise RuntimeFailed(f"{component} has no container: the shop is not up")
        raise unknown("component", component, names)

    def running(self, component: str) -> Container:
        """One that runs or is paused. Raises RuntimeFailed."""
        container = self.container(component)
        if container.shown == "stopped":
            raise RuntimeFailed(f"{component} is not running")
        return container
