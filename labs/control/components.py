"""The components of a running shop, where others must hear of it: whoever starts may have a new address, which the
gateway has to know, and a wire that starts anew bears nothing of what faults had put on it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

from compose import topology
from compose.runtime.links import family
from compose.runtime.verbs import Component, Runtime, RuntimeFailed
from labs.control.balancer import Balancer
from labs.control.bounds import MOST_REPLICAS
from labs.control.lane import ORDERING


class Components:
    """Raises RuntimeFailed. `lock` is the shop's; `renew_links` puts on the wire what is in force there."""

    def __init__(
        self, runtime: Runtime, balancer: Balancer, lock: threading.RLock, renew_links: Callable[[], None]
    ) -> None:
        self._runtime, self._balancer, self._lock, self._renew_links = runtime, balancer, lock, renew_links

    @property
    def url(self) -> str:
        """The gateway's address in a browser."""
        return f"http://{self._runtime.published()['gateway']}"

    def start(self, component: str) -> None:
        """Start or resume a component. A container may have a new address, so the gateway is told; a gateway that was
        started anew knows nothing of the policies, so it is told again.
        """
        self._runtime.start(component)
        service = family(component)
        if service == "gateway":
            self._balancer.tell_again()
        elif service == "wire":
            self._renew_links()
        if self._runtime.name == "containers":
            for moved in self._reached_at(service):
                self._balancer.introduce(moved)

    def _reached_at(self, service: str) -> set[str]:
        """Whom the gateway finds where this service is: the wire stands for those behind it."""
        behind = {family(link.server) for link in self._runtime.links() if link.client == "gateway"}
        return behind if service == "wire" else {service}

    def start_all(self) -> list[str]:
        """Start whatever does not run; why those did not start that did not. Stores all at once: one Postgres may have
        to wait for the other.
        """
        away = [component for component in self._runtime.ps(ask=False) if component.state != "running"]
        stores = [component.name for component in away if component.kind == "store"]
        with ThreadPoolExecutor(max_workers=max(len(stores), 1)) as pool:
            failures = list(pool.map(self._try_start, stores))
        failures += [self._try_start(component.name) for component in away if component.name not in stores]
        return [why for why in failures if why]

    def _try_start(self, component: str) -> str | None:
        try:
            self.start(component)
        except RuntimeFailed as error:
            return str(error)
        return None

    def scale(self, service: str, replicas: int) -> None:
        """Run that many replicas; none is possible only for what rests at none. New ones join the upstream when ready,
        surplus ones leave it before they are stopped. Raises SpecInvalid.
        """
        with self._lock:
            fewest = 0 if service in self._runtime.resting() else 1
            if not fewest <= replicas <= MOST_REPLICAS:
                raise RuntimeFailed(f"{service}={replicas}: a service can have {fewest} to {MOST_REPLICAS} replicas")
            present = self._runtime.replicas().get(service, {})
            if replicas < len(present):
                self._balancer.share_among(service, dict(list(present.items())[:replicas]))
            self._runtime.scale(service, replicas)
            self._renew_links()
            self._balancer.introduce(service)

    def scale_as_described(self) -> None:
        """As many replicas as compose.yaml has."""
        described = topology.load()
        for service in described.scalable():
            replicas = described[service].replicas or 0
            if len(self._runtime.members(service)) != replicas:
                self.scale(service, replicas)

    def workers_away(self) -> AbstractContextManager[None]:
        """Stop the workers for a moment, frozen ones too: what they have in hand goes back, nothing is worked on."""
        return self._away(lambda component: component.kind == "worker")

    def writers_away(self) -> AbstractContextManager[None]:
        """The same, and nobody orders either: all that is written begins with one of them."""
        return self._away(lambda component: component.kind == "worker" or component.service in ORDERING)

    @contextmanager
    def _away(self, whom: Callable[[Component], bool]) -> Iterator[None]:
        away = [each.name for each in self._runtime.ps(ask=False) if whom(each) and each.state != "stopped"]
        try:
            _at_once(lambda component: self._runtime.stop(component, 2.0), away)
            yield
        finally:
            _at_once(self.start, away)


def _at_once(verb: Callable[[str], object], components: Sequence[str]) -> None:
    """Do it to all of them at the same time, also to the others when it fails for one. Raises what it raises."""
    with ThreadPoolExecutor(max_workers=max(len(components), 1)) as pool:
        jobs = [pool.submit(verb, component) for component in components]
    for job in jobs:
        job.result()
