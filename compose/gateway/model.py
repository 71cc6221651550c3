"""What the gateway is made of, as frozen data: listeners, upstreams, replicas, waits, limits. It checks itself.

Everything that ends up in nginx's file is checked against a narrow pattern here: a name can never become a directive.
"""

import re
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from compose.gateway.checks import SpecInvalid, fits, no_twins, one_of, port

Policy = Literal["round_robin", "least_conn", "ip_hash"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
Limited = Literal["off", "visitors", "everybody"]
LIMITED: tuple[Limited, ...] = get_args(Limited)
MAX_WEIGHT = 100
MAX_CHECK = 3600
MAX_RATE = 100_000

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ADDRESS = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?:([0-9]{1,5})")
_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}:[0-9]{1,5}")
_FOLDER = re.compile(r"/[^\0\n]*")
_LOG = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(frozen=True, kw_only=True)
class Server:
    """One replica. `weight` is its share beside the others'; `down` keeps its line, without new requests. After
    `max_fails` failures it is left alone for `fail_timeout_s` (0: never, whatever happens).
    """

    name: str
    address: str
    weight: int = 1
    down: bool = False
    max_fails: int = 2
    fail_timeout_s: int = 3

    def __post_init__(self) -> None:
        fits("server name", self.name, _NAME, "catalog-2")
        fits("server address", self.address, _ADDRESS, "127.0.0.1:21101 or catalog:8000")
        port(self.address)
        if type(self.weight) is not int or not 1 <= self.weight <= MAX_WEIGHT:
            raise SpecInvalid(
                f"{self.name}: the weight must be a whole number from 1 to {MAX_WEIGHT}, not {self.weight!r}"
            )
        for what, number in (("max_fails", self.max_fails), ("fail_timeout_s", self.fail_timeout_s)):
            if type(number) is not int or not 0 <= number <= MAX_CHECK:
                raise SpecInvalid(f"{self.name}: {what} must be a whole number from 0 to {MAX_CHECK}, not {number!r}")
        if type(self.down) is not bool:
            raise SpecInvalid(f"{self.name}: down must be true or false, not {self.down!r}")


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A service and its replicas, none, one or many, and how the requests are shared among them."""

    service: str
    servers: tuple[Server, ...] = ()
    policy: Policy = "round_robin"

    def __post_init__(self) -> None:
        fits("service", self.service, _NAME, "catalog")
        one_of("policy", self.policy, POLICIES)
        no_twins(f"server names of {self.service}", [server.name for server in self.servers])

    @property
    def alive(self) -> bool:
        """Whether there is a server that may get requests at all."""
        return any(not server.down for server in self.servers)


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Seconds the gateway waits for a replica. On the internal listener only a buyer has more than 2 s of patience; a
    replica counts as failed only when the gateway's own wait is over: hence the shorter one there.
    """

    connect_s: float = 0.5
    read_s: float = 4.0
    internal_read_s: float = 2.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0.01 <= value <= 300:
                raise SpecInvalid(f"waits.{name} must be 0.01 to 300 seconds, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """How much one client address may ask for: `per_s` requests a second, and `burst` more at once after a rest. A
    person with a browser never gets near it. It holds for nobody, for all but the shop's own machine, or for everybody.
    """

    whom: Limited = "visitors"
    per_s: int = 10
    burst: int = 50

    def __post_init__(self) -> None:
        one_of("limit", self.whom, LIMITED)
        for name, number, least in (("per_s", self.per_s, 1), ("burst", self.burst, 0)):
            if type(number) is not int or not least <= number <= MAX_RATE:
                raise SpecInvalid(f"limits.{name} must be a whole number from {least} to {MAX_RATE}, not {number!r}")


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The whole gateway. Listeners are IPv4 "address:port"; `data` is its own folder (configuration, pid, logs,
    temporary files); `access_log` is a path, seen from `data` unless absolute.
    """

    listen: str
    listen_internal: str
    data: str
    upstreams: tuple[Upstream, ...] = ()
    access_log: str = "access.log"
    waits: Waits = field(default_factory=Waits)
    limits: RateLimits = field(default_factory=RateLimits)

    def __post_init__(self) -> None:
        for listener in (self.listen, self.listen_internal):
            fits("listener", listener, _IPV4, "127.0.0.1:21000")
            port(listener)
        no_twins("listeners", [self.listen, self.listen_internal])
        fits("data folder", self.data, _FOLDER, "/tmp/gateway")
        fits("access log", self.access_log, _LOG, "access.log or /dev/stdout")
        no_twins("services", [upstream.service for upstream in self.upstreams])

    def upstream(self, service: str) -> Upstream:
        """The upstream of a service. Raises SpecInvalid naming the near ones."""
        one_of("service", service, [upstream.service for upstream in self.upstreams])
        return next(upstream for upstream in self.upstreams if upstream.service == service)
