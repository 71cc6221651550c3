"""Host names to addresses. nginx looks a name up once, when it starts; here is who looks again.

gateway.json keeps the names, nginx.conf only addresses: one server line for each address a name leads to. So a change
made with `apply` (a policy, a weight) and a changed address never undo each other: both are rendered from gateway.json.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

from compose.gateway.model import Gateway, Server, Upstream

Resolve = Callable[[str], Sequence[str]]
"""A host name to its IPv4 addresses, none when there is no such name."""


class Resolver:
    """The system's resolver. When it fails for a while (no answer, not "no such name"), the last known addresses stay:
    a dead name server must not take the shop down. Safe to call from several threads.
    """

    def __init__(self) -> None:
        self._known: dict[str, Sequence[str]] = {}

    def __call__(self, host: str) -> Sequence[str]:
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                return self._known.get(host, ())
            found = []
        except UnicodeError:
            found = []
        self._known[host] = sorted({str(address[0]) for *_, address in found})
        return self._known[host]


def has_names(spec: Gateway) -> bool:
    """Whether any replica is given by name, so that somebody has to look again."""
    return any(_is_name(server.address) for upstream in spec.upstreams for server in upstream.servers)


def expanded(spec: Gateway, resolve: Resolve) -> Gateway:
    """The same gateway with addresses only. A name becomes as many servers as it has addresses."""
    return replace(spec, upstreams=tuple(_expanded(upstream, resolve) for upstream in spec.upstreams))


def _expanded(upstream: Upstream, resolve: Resolve) -> Upstream:
    found = {line.address: line for server in upstream.servers for line in _lines(server, resolve)}
    unique = {line.name: line for line in found.values()}
    return replace(upstream, servers=tuple(unique.values()))


def _lines(server: Server, resolve: Resolve) -> list[Server]:
    host, _, port = server.address.rpartition(":")
    if not _is_name(server.address):
        return [server]
    addresses = resolve(host)
    if len(addresses) == 1:
        return [replace(server, address=f"{addresses[0]}:{port}")]
    return [
        replace(server, name=f"{server.name}-{number}", address=f"{address}:{port}")
        for number, address in enumerate(addresses, start=1)
    ]


def _is_name(address: str) -> bool:
    try:
        socket.inet_aton(address.rpartition(":")[0])
    except OSError:
        return True
    return False
