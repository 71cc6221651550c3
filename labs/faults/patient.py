"""What a fault may do to a shop: one role for each kind of instrument."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from labs.control.broker import Broker
from labs.control.caches import Caches
from labs.control.postgres import Postgres


class Processes(Protocol):
    """Components as processes. Every verb raises RuntimeFailed; `start` waits until the component is ready."""

    def start(self, component: str) -> None: ...
    def stop(self, component: str, grace_s: float) -> None: ...
    def kill(self, component: str, signal: str) -> None: ...
    def pause(self, component: str) -> None: ...
    def resume(self, component: str) -> None: ...


class Replicas(Protocol):
    """Replicas: who they are, and programs that can be told something, past the gateway."""

    def members(self, service: str) -> Sequence[str]: ...
    def put(self, component: str, path: str, body: Mapping[str, Any]) -> None: ...


class Patient(Processes, Replicas, Protocol):
    """A running shop, with an instrument for each of its stores."""

    @property
    def postgres(self) -> Postgres: ...
    @property
    def broker(self) -> Broker: ...
    @property
    def caches(self) -> Caches: ...
