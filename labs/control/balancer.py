"""How the gateway shares requests: told while it serves, and told again when it was started anew."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any

from compose import gateway
from compose.gateway import Gateway, RateLimits, Server
from compose.runtime.verbs import Runtime

APPLY = ("python3", "-m", "compose.gateway", "apply")
SHOW = ("python3", "-m", "compose.gateway", "show")
NOBODY_LISTENS = 1


class Balancer:
    """The gateway's description is the truth; each method changes it, one at a time, and returns when nginx follows.
    Raises RuntimeFailed, SpecInvalid.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._told: Gateway | None = None
        self._chosen: dict[str, str] = {}
        self._lock = threading.RLock()

    def balance(self, service: str, policy: str, weights: Mapping[str, int]) -> dict[str, Any]:
        """Switch an upstream's policy; `weights` by component, everybody else weighs 1. The upstream as it is now."""

        def shared(spec: Gateway) -> Gateway:
            spec = _alike(spec, service)
            for component, weight in weights.items():
                spec = gateway.with_weight(spec, service, component, weight)
            return gateway.with_policy(spec, service, "round_robin" if policy == "weights" else policy)

        with self._lock:
            spec = self._change(shared)
            self._chosen.pop(service, None)
        return asdict(spec.upstream(service))

    def override(self, service: str, policy: str) -> None:
        """Another policy for now, beside the one that was chosen."""

        def overridden(spec: Gateway) -> Gateway:
            self._chosen.setdefault(service, spec.upstream(service).policy)
            return gateway.with_policy(spec, service, policy)

        self._change(overridden)

    def restore(self, service: str) -> None:
        """The policy that was chosen; fine when no other one is in force."""
        with self._lock:
            if service in self._chosen:
                self._change(lambda spec: gateway.with_policy(spec, service, self._chosen[service]))
                del self._chosen[service]

    def misplace(self, replica: str, max_fails: int, fail_timeout_s: int) -> None:
        """Look for a replica at a port where nobody listens: whoever tries is refused."""

        def misplaced(spec: Gateway) -> Gateway:
            service, address = self._place(replica)
            nowhere = f"{address.partition(':')[0]}:{NOBODY_LISTENS}"
            return gateway.with_address(spec, service, replica, nowhere, max_fails, fail_timeout_s)

        self._change(misplaced)

    def find_again(self, replica: str) -> None:
        """Look for a replica where it is; fine when there is no such replica any more."""

        def found(spec: Gateway) -> Gateway:
            service, address = self._place(replica)
            if service and any(server.name == replica for server in spec.upstream(service).servers):
                return gateway.with_address(spec, service, replica, address)
            return spec

        self._change(found)

    def share_among(self, service: str, replicas: Mapping[str, str]) -> None:
        """Give a service's requests to these replicas only: {component: address}."""
        self._change(lambda spec: gateway.with_replicas(spec, service, replicas))

    def introduce(self, service: str) -> None:
        """Say who the replicas of a service are now, and where."""
        with self._lock:
            replicas = self._runtime.replicas()
            if service in replicas:
                self.share_among(service, replicas[service])

    def introduce_all(self) -> None:
        """The same for all services, as at first: default policies, nobody weighs more than another."""

        def introduced(spec: Gateway) -> Gateway:
            for service, replicas in self._runtime.replicas().items():
                spec = _alike(gateway.with_replicas(spec, service, replicas), service)
                spec = gateway.with_policy(spec, service, "round_robin")
            return spec

        self._change(introduced)

    @property
    def told(self) -> Gateway:
        """What the gateway was told last."""
        with self._lock:
            self._told = self._told or self._spec()
            return self._told

    def take_out(self, replicas: Collection[str], bring_back: Collection[str] = ()) -> None:
        """No new requests for these; again some for those."""

        def without(spec: Gateway) -> Gateway:
            for upstream in spec.upstreams:
                for server in upstream.servers:
                    if server.name in replicas or server.name in bring_back:
                        spec = gateway.with_down(spec, upstream.service, server.name, server.name in replicas)
            return spec

        self._change(without)

    def hold_back(self, limits: RateLimits) -> None:
        """Let each client address ask for so much from now on."""
        self._change(lambda spec: gateway.with_limits(spec, limits))

    def tell_again(self) -> None:
        """A gateway that was started anew knows nothing of what it was told; who is there may have changed since."""
        with self._lock:
            if self._told:
                spec = self._told
                for service, replicas in self._runtime.replicas().items():
                    nowhere = {s.name: s.address for s in spec.upstream(service).servers if _leads_nowhere(s)}
                    spec = gateway.with_replicas(spec, service, {r: nowhere.get(r, at) for r, at in replicas.items()})
                self._tell(spec)

    def _change(self, change: Callable[[Gateway], Gateway]) -> Gateway:
        """The description as it is then; the gateway is told if it is another than before. Nobody else changes it
        between our reading and our telling: who did would be forgotten.
        """
        with self._lock:
            before = self._spec()
            spec = change(before)
            if not spec == before == self._told:
                self._tell(spec)
            return spec

    def _place(self, replica: str) -> tuple[str, str]:
        """Its service and address; both empty when there is no such replica."""
        places = self._runtime.replicas().items()
        return next(((service, them[replica]) for service, them in places if replica in them), ("", ""))

    def _spec(self) -> Gateway:
        return gateway.from_json(self._runtime.exec("gateway", SHOW))

    def _tell(self, spec: Gateway) -> None:
        self._runtime.exec("gateway", APPLY, gateway.to_json(spec).encode())
        self._told = spec


def _leads_nowhere(server: Server) -> bool:
    return server.address.endswith(f":{NOBODY_LISTENS}")


def _alike(spec: Gateway, service: str) -> Gateway:
    """The same gateway, each replica of the service weighing 1."""
    for server in spec.upstream(service).servers:
        spec = gateway.with_weight(spec, service, server.name, 1)
    return spec
