"""The environment, read once, into frozen dataclasses whose fields carry their help and unit.

Two kinds of names: addresses and passwords as compose.yaml sets them (`LISTEN`, `POSTGRES`, ...), and knobs, all of
which begin with
`SHOP_` (`SHOP_THREADS`). A `SHOP_` name that a service does not know is refused, so that a typo is never silently
ignored.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


class BadSettings(Exception):
    """A setting is missing, unknown or not of its type; the message names it and shows its help."""


def env(help: str, *, name: str | None = None, default: Any = None, unit: str = "") -> Any:
    """A field read from the environment: `name` as it stands, or `SHOP_<FIELD>` when it is a knob."""
    return field(metadata={"help": help, "name": name, "default": default, "unit": unit})


def variable(declared: Any) -> str:
    """The environment variable of a field."""
    return declared.metadata["name"] or f"SHOP_{declared.name.upper()}"


def read(cls: type[T], environ: Mapping[str, str]) -> T:
    """Build `cls` from `environ`. Raises BadSettings."""
    known = {variable(f): f for f in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(n for n in environ if n.startswith("SHOP_") and n not in known)
    if unknown:
        raise BadSettings(f"unknown setting {', '.join(unknown)}; this service knows {', '.join(sorted(known))}")
    return cls(**{f.name: _value(f, variable_name, environ) for variable_name, f in known.items()})


def _value(declared: Any, variable_name: str, environ: Mapping[str, str]) -> Any:
    text = environ.get(variable_name, "")
    if not text:
        if declared.metadata["default"] is None:
            raise BadSettings(f"{variable_name} is not set: {declared.metadata['help']}")
        return declared.metadata["default"]
    try:
        return _parse(declared.type, text)
    except ValueError as error:
        raise BadSettings(f"{variable_name}={text!r}: {error}; {declared.metadata['help']}") from error


def _parse(kind: Any, text: str) -> Any:
    if kind is bool:
        if text.lower() not in ("0", "1", "true", "false"):
            raise ValueError("wanted true or false")
        return text.lower() in ("1", "true")
    if kind in (int, float):
        return kind(text)
    if kind == tuple[float, ...]:
        return tuple(map(float, text.split(",")))
    return tuple(text.split(",")) if kind == tuple[str, ...] else text


def split(address: str) -> tuple[str, int]:
    """`host:port` as a pair. The host `wire` is looked up in the variable WIRE, if that is set: local processes have no
    name server, and each reaches the wire at a host of its own. Ask when connecting, not before: one app is built for
    all replicas.
    """
    host, _, port = address.rpartition(":")
    return (os.environ.get("WIRE") or host) if host == "wire" else host, int(port)


def own_name(environ: Mapping[str, str], service: str) -> str:
    """This replica's name. In a container Docker's name server tells it: `shop-catalog-2.shop_shop` means
    `catalog-2`.
    """
    if environ.get("REPLICA"):
        return environ["REPLICA"]
    try:
        full = socket.gethostbyaddr(socket.gethostbyname(socket.gethostname()))[0].split(".")[0]
    except OSError:
        return f"{service}-{socket.gethostname()}"
    return full[full.rfind(f"{service}-") :] if f"{service}-" in full else full


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """What every process that answers HTTP needs."""

    listen: str = env("host:port to listen on", name="LISTEN", default="127.0.0.1:8000")
    threads: int = env("requests worked on at once by one replica", default=8)
    backlog: int = env("connections that may wait for a thread", default=128)
    graceful_s: int = env("how long requests in flight may take after TERM", default=5, unit="s")


@dataclass(frozen=True, kw_only=True)
class PeerSettings:
    """How other services are called."""

    peers: str = env("host:port of the gateway's internal listener", name="PEERS")
    peer_connect_s: float = env("bound on connecting to a peer", default=0.2, unit="s")
    peer_total_s: float = env("bound on a whole call to a peer, retries included", default=1.5, unit="s")
    peer_attempt_s: float = env("bound on one attempt, where there is time for another", default=0.7, unit="s")
    peer_at_once: int = env("calls to one peer that a replica makes at once", default=6)
    peer_queue_s: float = env("how long a call waits until it is one of these", default=0.25, unit="s")
    retry_budget: float = env("retries per first attempt that are allowed in the long run", default=0.1)
    breaker_failures: int = env("failures in a row after which a peer is left alone", default=5)
    breaker_wait_s: float = env("how long a peer is left alone then, before one call tries it", default=0.5, unit="s")


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """How Postgres is reached; the first address that takes writes is the primary."""

    postgres: tuple[str, ...] = env("host:port of every Postgres node, comma separated", name="POSTGRES")
    db_password: str = env("password of this service's database role", name="DB_PASSWORD")
    db_connect_s: int = env("bound on connecting to one node, at least 2 (libpq)", default=2, unit="s")
    db_statement_s: float = env("bound on one statement", default=2.0, unit="s")
    db_lock_s: float = env("bound on waiting for a row that another transaction holds", default=1.0, unit="s")
    db_pool_wait_s: float = env("how long a request waits for a free connection", default=1.0, unit="s")
    db_pool: int = env("connections per pool and replica", default=4)


@dataclass(frozen=True, kw_only=True)
class BusSettings:
    """How RabbitMQ is reached, and how often a message is tried."""

    rabbitmq: str = env("host:port of the broker", name="RABBITMQ")
    rabbitmq_user: str = env("user at the broker", name="RABBITMQ_USER", default="shop")
    rabbitmq_password: str = env("password of that user", name="RABBITMQ_PASSWORD")
    bus_connect_s: float = env("bound on connecting to the broker", default=2.0, unit="s")
    bus_heartbeat_s: int = env("silence after which a connection counts as dead", default=10, unit="s")
    bus_blocked_s: float = env("how long a publisher lets the broker block it", default=3.0, unit="s")
    bus_prefetch: int = env("messages a consumer holds at once", default=10)
    bus_retry_s: tuple[float, ...] = env("waits before each further try", default=(1.0, 2.0, 4.0), unit="s")
