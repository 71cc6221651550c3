"""How the gateway shares requests: told while it serves, and told again when it was started anew."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any

from compose import gateway
from compose.gateway import Gateway
from compose.runtime.verbs import Runtime

APPLY = ("python3", "-m", "compose.gateway", "apply")
SHOW = ("python3", "-m", "compose.gateway", "show")

Change = Callable[[Gateway], Gateway]


class Balancer:
    """The gateway's description is the truth; each method changes it and returns when nginx follows. Raises
    RuntimeFailed, SpecInvalid.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._told: Gateway | None = None

    def balance(self, service: str, policy: str, weights: Mapping[str, int]) -> dict[str, Any]:
        """Switch an upstream's policy; `weights` by component, everybody else weighs 1. The upstream as it is now."""
        spec = self._spec()
        for server in spec.upstream(service).servers:
            spec = gateway.with_weight(spec, service, server.name, 1)
        for component, weight in weights.items():
            spec = gateway.with_weight(spec, service, component, weight)
        spec = gateway.with_policy(spec, service, "round_robin" if policy == "weights" else policy)
        self._tell(spec)
        return asdict(spec.upstream(service))

    def share_among(self, service: str, replicas: Mapping[str, str]) -> None:
        """Give a service's requests to these replicas only: {component: address}."""
        self._tell(gateway.with_replicas(self._spec(), service, replicas))

    def introduce(self, service: str) -> None:
        """Say who the replicas of a service are now, and where."""
        replicas = self._runtime.replicas()
        if service in replicas:
            self.share_among(service, replicas[service])

    def introduce_all(self) -> None:
        """The same for all services: replicas under their own names, default policies."""
        spec = self._spec()
        for service, replicas in self._runtime.replicas().items():
            spec = gateway.with_policy(gateway.with_replicas(spec, service, replicas), service, "round_robin")
        self._tell(spec)

    @property
    def told(self) -> Gateway:
        """What the gateway was told last."""
        self._told = self._told or self._spec()
        return self._told

    def take_out(self, replicas: Collection[str], bring_back: Collection[str] = ()) -> None:
        """No new requests for these; again some for those."""
        spec = self._spec()
        for upstream in spec.upstreams:
            for server in upstream.servers:
                if server.name in replicas or server.name in bring_back:
                    spec = gateway.with_down(spec, upstream.service, server.name, server.name in replicas)
        self._tell(spec)

    def tell_again(self) -> None:
        """A gateway that was started anew knows nothing of what it was told."""
        if self._told:
            self._tell(self._told)

    def _spec(self) -> Gateway:
        return gateway.from_json(self._runtime.exec("gateway", SHOW))

    def _tell(self, spec: Gateway) -> None:
        self._runtime.exec("gateway", APPLY, gateway.to_json(spec).encode())
        self._told = spec
