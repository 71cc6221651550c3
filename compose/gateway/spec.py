"""What the gateway should do: build the description and change it. Every change gives a new description.

    spec = from_replicas({"catalog": {"catalog-1": "127.0.0.1:21101"}}, listen=..., listen_internal=..., data=...)
    spec = with_policy(spec, "catalog", "least_conn")

Everything here raises SpecInvalid, which names the near services, replicas or policies.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from compose.gateway.checks import SpecInvalid, one_of
from compose.gateway.documents import from_json, to_json
from compose.gateway.model import LIMITED, POLICIES, Gateway, Policy, RateLimits, Server, Upstream, Waits

__all__ = [
    "LIMITED",
    "POLICIES",
    "Gateway",
    "Policy",
    "RateLimits",
    "Server",
    "SpecInvalid",
    "Upstream",
    "Waits",
    "from_json",
    "from_replicas",
    "to_json",
    "with_address",
    "with_down",
    "with_limits",
    "with_policy",
    "with_replicas",
    "with_weight",
]


def from_replicas(
    replicas: Mapping[str, Mapping[str, str]],
    *,
    listen: str,
    listen_internal: str,
    data: str,
    policies: Mapping[str, Policy] | None = None,
    weights: Mapping[str, int] | None = None,
    access_log: str = "access.log",
    waits: Waits | None = None,
) -> Gateway:
    """Build the description from service -> {component: address}; `policies` by service, `weights` by component."""
    upstreams = tuple(
        Upstream(service=service, servers=tuple(Server(name=n, address=a) for n, a in servers.items()))
        for service, servers in replicas.items()
    )
    spec = Gateway(
        listen=listen,
        listen_internal=listen_internal,
        data=data,
        upstreams=upstreams,
        access_log=access_log,
        waits=waits or Waits(),
    )
    for service, policy in (policies or {}).items():
        spec = with_policy(spec, service, policy)
    for component, weight in (weights or {}).items():
        spec = with_weight(spec, _service_of(spec, component), component, weight)
    return spec


def with_policy(spec: Gateway, service: str, policy: str) -> Gateway:
    """The same gateway, sharing this service's requests in another way. Raises SpecInvalid."""
    known: Policy = one_of("policy", policy, POLICIES)
    return _changed(spec, service, lambda upstream: replace(upstream, policy=known))


def with_weight(spec: Gateway, service: str, server: str, weight: int) -> Gateway:
    """The same gateway, one replica getting `weight` times the share of one with weight 1. Raises SpecInvalid."""
    return _with_server(spec, service, server, lambda line: replace(line, weight=weight))


def with_down(spec: Gateway, service: str, server: str, down: bool = True) -> Gateway:
    """The same gateway, giving this replica no new requests (or again). Drain a replica so before stopping it."""
    return _with_server(spec, service, server, lambda line: replace(line, down=down))


def with_address(
    spec: Gateway,
    service: str,
    server: str,
    address: str,
    max_fails: int = Server.max_fails,
    fail_timeout_s: int = Server.fail_timeout_s,
) -> Gateway:
    """The same gateway, looking for this replica elsewhere, more or less patient with it."""

    def moved(line: Server) -> Server:
        return replace(line, address=address, max_fails=max_fails, fail_timeout_s=fail_timeout_s)

    return _with_server(spec, service, server, moved)


def with_limits(spec: Gateway, limits: RateLimits) -> Gateway:
    """The same gateway, holding clients back otherwise."""
    return replace(spec, limits=limits)


def with_replicas(spec: Gateway, service: str, replicas: Mapping[str, str]) -> Gateway:
    """The same gateway after scaling: {component: address} are the replicas now; who stays keeps weight and down."""

    def scaled(upstream: Upstream) -> Upstream:
        before = {server.name: server for server in upstream.servers}
        servers = tuple(
            replace(before[name], address=address) if name in before else Server(name=name, address=address)
            for name, address in replicas.items()
        )
        return replace(upstream, servers=servers)

    return _changed(spec, service, scaled)


def _changed(spec: Gateway, service: str, change: Callable[[Upstream], Upstream]) -> Gateway:
    changed = change(spec.upstream(service))
    return replace(spec, upstreams=tuple(changed if each.service == service else each for each in spec.upstreams))


def _with_server(spec: Gateway, service: str, name: str, change: Callable[[Server], Server]) -> Gateway:
    servers = spec.upstream(service).servers
    one_of(f"replica of {service}", name, [server.name for server in servers])
    changed = tuple(change(server) if server.name == name else server for server in servers)
    return _changed(spec, service, lambda upstream: replace(upstream, servers=changed))


def _service_of(spec: Gateway, component: str) -> str:
    owners = {server.name: each.service for each in spec.upstreams for server in each.servers}
    return owners[one_of("replica", component, list(owners))]
