"""What a fault may do to a shop: one role for each kind of instrument."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from labs.control.balancer import Balancer
from labs.control.broker import Broker
from labs.control.caches import Caches
from labs.control.helpers import Helpers
from labs.control.links import Links
from labs.control.postgres import Postgres


class Processes(Protocol):
    """Components as processes. Every verb raises RuntimeFailed; `start` waits until the component is ready."""

    def start(self, component: str) -> None: ...
    def stop(self, component: str, grace_s: float) -> None: ...
    def kill(self, component: str, signal: str) -> None: ...
    def pause(self, component: str) -> None: ...
    def resume(self, component: str) -> None: ...
    def limit_cpu(self, component: str, cpus: float | None) -> None: ...


class Replicas(Protocol):
    """Replicas: who they are, and programs that can be told something, past the gateway."""

    def members(self, service: str) -> Sequence[str]: ...
    def put(self, component: str, path: str, body: Mapping[str, Any]) -> None: ...


class Switches(Protocol):
    """Run-time switches of the services; `default` gives one back. Raises RuntimeFailed without a primary."""

    def set_flag(self, name: str, text: str | bool | int | float) -> Any: ...


class Patient(Processes, Replicas, Switches, Protocol):
    """A running shop, with an instrument for each of its stores, for the network, and for what comes from outside."""

    @property
    def url(self) -> str: ...
    @property
    def postgres(self) -> Postgres: ...
    @property
    def balancer(self) -> Balancer: ...
    @property
    def broker(self) -> Broker: ...
    @property
    def caches(self) -> Caches: ...
    @property
    def links(self) -> Links: ...
    @property
    def helpers(self) -> Helpers: ...
