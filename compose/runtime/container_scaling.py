"""Changing how many replicas a service has, in containers: Compose starts and removes them."""

from collections.abc import Mapping

from compose.runtime import container_lifecycle as lifecycle
from compose.runtime.container_engine import Container, Engine
from compose.runtime.container_finder import Finder
from compose.runtime.container_launcher import ContainerLauncher
from compose.runtime.verbs import RuntimeFailed
from compose.topology import Service

COMPOSE_S, GRACE_S = 60.0, 5


class Scaling:
    """More replicas come all or not at all: when one does not, those that were begun are taken away again."""

    def __init__(self, engine: Engine, finder: Finder, launcher: ContainerLauncher) -> None:
        self._engine, self._finder, self._launcher = engine, finder, launcher

    def scale(self, service: Service, replicas: int) -> None:
        """Run that many, and wait until all are ready. Raises RuntimeFailed, at once when one is paused."""
        earlier = self._finder.found()
        frozen = [name for name, c in earlier.items() if c.service == service.name and c.state == "paused"]
        if frozen:
            raise RuntimeFailed(f"{', '.join(frozen)} is paused, and Compose scales nothing that is: resume it first")
        before = len(self._finder.components(service, earlier))
        try:
            self._compose(service, replicas)
            self._finder.asked_for[service.name] = replicas
            self._launcher.wait_ready(service.components(replicas))
        except RuntimeFailed:
            if replicas > before:
                self._finder.asked_for[service.name] = before
                self._take_away_new(service, earlier)
            raise

    def _compose(self, service: Service, replicas: int) -> None:
        how_many = ("--scale", f"{service.name}={replicas}", service.name)
        self._engine.compose(
            "up", "--detach", "--no-deps", "--no-recreate", "--no-build", *how_many, within_s=COMPOSE_S
        )

    def _take_away_new(self, service: Service, earlier: Mapping[str, Container]) -> None:
        """Not by way of Compose, which may be what failed, and would start whoever is stopped."""
        known = {container.id for container in earlier.values()}
        new = [c for c in self._finder.found().values() if c.service == service.name and c.id not in known]
        if new:
            lifecycle.end(self._engine, new, GRACE_S)
            self._engine.docker("rm", "--force", *(container.id for container in new))
