"""Who there is: services, their replicas at the present scale, and the name of every component."""

from compose.runtime.verbs import UnknownComponent, unknown
from compose.topology import Service, Topology


class Roster:
    """Names to services and back. Raises UnknownComponent, which names the near ones."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self.scale = {service.name: service.replicas for service in topology if service.replicas is not None}

    def service(self, name: str) -> Service:
        """A service by its name."""
        if name not in self._topology.services:
            raise unknown("service", name, self._topology.services)
        return self._topology[name]

    def scalable(self, name: str) -> Service:
        """A service that may have any number of replicas."""
        service = self.service(name)
        if service.replicas is None:
            raise UnknownComponent(f"{name} can only run once; these scale: {', '.join(self._topology.scalable())}")
        return service

    def components(self, service: Service) -> list[str]:
        """The names of a service's running things, at the present scale."""
        return service.components(self.scale.get(service.name))

    def names(self) -> list[str]:
        """Every component, in the order of compose.yaml."""
        return [name for service in self._topology for name in self.components(service)]

    def of(self, component: str) -> Service:
        """The service a component belongs to."""
        for service in self._topology:
            if component in self.components(service):
                return service
        raise unknown("component", component, self.names())
