"""Reads compose.yaml: what runs, in which order, with which environment.

Only what both runtimes need is read here; Docker Compose reads the rest of the file itself. Interpolation follows the
Compose
specification: `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, defaults may nest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

COMPOSE_FILE = Path(__file__).with_name("compose.yaml")
PROJECT = COMPOSE_FILE.parent.parent
INNERMOST = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^${}]*))?\}")


class BadTopology(Exception):
    """compose.yaml says something this reader does not understand; the message names the place."""


@dataclass(frozen=True)
class Service:
    """One entry of compose.yaml. `replicas` is None for a thing that can only run once."""

    name: str
    kind: str
    ready: str | None
    command: Sequence[str]
    environment: Mapping[str, str]
    after: Mapping[str, str]
    replicas: int | None
    tier: str | None = None
    stop_signal: str = "SIGTERM"

    def components(self, replicas: int | None = None) -> list[str]:
        """The names of its running things: `catalog-1`, `catalog-2`, or just `rabbitmq`."""
        if self.replicas is None:
            return [self.name]
        return [f"{self.name}-{n + 1}" for n in range(self.replicas if replicas is None else replicas)]


@dataclass(frozen=True)
class Topology:
    """All services, in the order of the file."""

    services: Mapping[str, Service] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Service:
        return self.services[name]

    def __iter__(self) -> Iterator[Service]:
        return iter(self.services.values())

    def scalable(self) -> list[str]:
        """Services that may have any number of replicas."""
        return [service.name for service in self if service.replicas is not None]

    def balanced(self) -> list[str]:
        """Services the gateway has an upstream for, as its own environment lists them."""
        return re.findall(r"(\w+)=", interpolate(self["gateway"].environment["UPSTREAMS"], {}))


def load(path: Path = COMPOSE_FILE) -> Topology:
    """Read a compose file. Raises BadTopology."""
    entries = yaml.safe_load(path.read_text())["services"]
    return Topology({name: _service(name, entry) for name, entry in entries.items()})


def _service(name: str, entry: Mapping[str, Any]) -> Service:
    extra = entry.get("x-shoplab")
    if not extra:
        raise BadTopology(f"service {name} has no x-shoplab: say at least its kind")
    return Service(
        name=name,
        kind=extra["kind"],
        tier=extra.get("tier"),
        ready=extra.get("ready"),
        command=entry["command"],
        environment={key: str(value) for key, value in entry.get("environment", {}).items()},
        after={other: how["condition"] for other, how in entry.get("depends_on", {}).items()},
        replicas=entry.get("deploy", {}).get("replicas"),
        stop_signal=entry.get("stop_signal", "SIGTERM"),
    )


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Fill in `${...}`, innermost first. A name without a value and default becomes empty, as in Compose."""

    def fill(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        if values.get(name):
            return values[name]
        if operator == ":?":
            raise BadTopology(f"{name} must be set: {rest}")
        return rest or ""

    while INNERMOST.search(text):
        text = INNERMOST.sub(fill, text)
    return text
