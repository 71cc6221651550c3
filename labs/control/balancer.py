"""How the gateway shares requests: told while it serves, and told again when it was started anew."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from compose import gateway
from compose.gateway import Gateway, RateLimits
from compose.runtime.verbs import Runtime

APPLY = ("python3", "-m", "compose.gateway", "apply")
SHOW = ("python3", "-m", "compose.gateway", "show")
NOBODY_LISTENS = 1


class Balancer:
    """The gateway's description is the truth; each method changes it and returns when nginx follows. Raises
    RuntimeFailed, SpecInvalid.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._told: Gateway | None = None
        self._chosen: dict[str, str] = {}

    def balance(self, service: str, policy: str, weights: Mapping[str, int]) -> dict[str, Any]:
        """Switch an upstream's policy; `weights` by component, everybody else weighs 1. The upstream as it is now."""
        self._chosen.pop(service, None)
        spec = self._spec()
        for server in spec.upstream(service).servers:
            spec = gateway.with_weight(spec, service, server.name, 1)
        for component, weight in weights.items():
            spec = gateway.with_weight(spec, service, component, weight)
        spec = gateway.with_policy(spec, service, "round_robin" if policy == "weights" else policy)
        self._tell(spec)
        return asdict(spec.upstream(service))

    def override(self, service: str, policy: str) -> None:
        """Another policy for now, beside the one that was chosen."""
        spec = self._spec()
        self._chosen.setdefault(service, spec.upstream(service).policy)
        self._tell(gateway.with_policy(spec, service, policy))

    def restore(self, service: str) -> None:
        """The policy that was chosen; fine when no other one is in force."""
        if service in self._chosen:
            self._tell(gateway.with_policy(self._spec(), service, self._chosen[service]))
            del self._chosen[service]

    def misplace(self, replica: str, max_fails: int, fail_timeout_s: int) -> None:
        """Look for a replica at a port where nobody listens: whoever tries is refused."""
        service, address = self._place(replica)
        nowhere = f"{address.partition(':')[0]}:{NOBODY_LISTENS}"
        self._tell(gateway.with_address(self._spec(), service, replica, nowhere, max_fails, fail_timeout_s))

    def find_again(self, replica: str) -> None:
        """Look for a replica where it is; fine when there is no such replica any more."""
        service, address = self._place(replica)
        spec = self._spec()
        if service and any(server.name == replica for server in spec.upstream(service).servers):
            self._tell(gateway.with_address(spec, service, replica, address))

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

    def hold_back(self, limits: RateLimits) -> None:
        """Let each client address ask for so much from now on."""
        self._tell(gateway.with_limits(self._spec(), limits))

    def tell_again(self) -> None:
        """A gateway that was started anew knows nothing of what it was told."""
        if self._told:
            self._tell(self._told)

    def _place(self, replica: str) -> tuple[str, str]:
        """Its service and address; both empty when there is no such replica."""
        places = self._runtime.replicas().items()
        return next(((service, them[replica]) for service, them in places if replica in them), ("", ""))

    def _spec(self) -> Gateway:
        return gateway.from_json(self._runtime.exec("gateway", SHOW))

    def _tell(self, spec: Gateway) -> None:
        self._runtime.exec("gateway", APPLY, gateway.to_json(spec).encode())
        self._told = spec
