"""How a component in a container is, and where it is reached from this machine."""

import sys
from collections.abc import Mapping
from contextlib import suppress

from compose.runtime import readiness
from compose.runtime.container_engine import Container
from compose.runtime.container_links import port_of
from compose.runtime.verbs import Component
from compose.topology import Service, Topology, interpolate

PASSWORDS = ("ADMIN_PASSWORD", "RABBITMQ_PASSWORD")


class Probe:
    """Asks components. `values` fill compose.yaml's placeholders, the passwords among them."""

    def __init__(self, topology: Topology, values: Mapping[str, str]) -> None:
        self._topology = topology
        self._secrets = {
            key: interpolate(service.environment[key], values)
            for service in topology
            for key in PASSWORDS
            if key in service.environment
        }

    def ask(self, name: str, container: Container | None) -> str | None:
        """The role of a component that is ready. Asked directly where containers can be reached (Linux); elsewhere the
        health check's last word, which may be half a minute old, has to do for what is not published. Raises NotReady.
        """
        if container is None or container.state != "running":
            raise readiness.NotReady("it is not running")
        service = self._topology[container.service]
        if sys.platform == "linux" or container.published:
            return readiness.ask(service, name, self.address(container) or "", self._secrets)
        if not container.up:
            raise readiness.NotReady(f"its health check says {container.health}")
        return None

    def address(self, container: Container) -> str | None:
        """From this machine; None while it is stopped and has no published port."""
        port = port_of(self._topology[container.service])
        return container.published.get(port) or (f"{container.ip}:{port}" if container.ip else None)

    def describe(
        self, service: Service, name: str, found: Container | None, used: Mapping[str, float], ask: bool
    ) -> Component:
        """A component as `status` shows it; `used`: container -> megabytes. With `ask`, is it ready?"""
        if found is None:
            return Component(name=name, service=service.name, kind=service.kind, state="stopped", ready=False)
        role, ready = None, False
        if ask:
            with suppress(readiness.NotReady):
                role, ready = self.ask(name, found), True
        return Component(
            name=name,
            service=service.name,
            kind=service.kind,
            state=found.shown,
            ready=ready,
            role=role,
            address=self.address(found),
            pid=found.pid or None,
            container=found.id[:12],
            memory_mb=used.get(found.id),
            started_at=found.started_at if found.shown != "stopped" else None,
        )
