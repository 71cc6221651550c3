"""Reads compose.yaml: what runs, in which order, with which environment.

Only what both runtimes need is read here; Docker Compose reads the rest of the file itself. Interpolation follows the
Compose
specification: `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, defaults may nest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

COMPOSE_FILE = Path(__file__).with_name("compose.yaml")
PROJECT = COMPOSE_FILE.parent.parent
TOLD = re.compile(r"\$\{(\w+)_ADDR\b")
INNERMOST = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^${}]*))?\}")


class BadTopology(Exception):
    """compose.yaml says something this reader does not understand; the message names the place."""


@dataclass(frozen=True)
class Service:
    """One entry of compose.yaml. `replicas` is None for a thing that can only run once, 0 for one that rests until it
    is scaled: it has no component and costs nothing.
    """

    name: str
    kind: str
    ready: str | None
    command: Sequence[str]
    environment: Mapping[str, str]
    after: Mapping[str, str]
    replicas: int | None
    tier: str | None = None
    stop_signal: str = "SIGTERM"
    wired: bool = False
    """Whether the gateway reaches it through the wire; stores are always reached so."""

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

    def resting(self) -> list[str]:
        """Services that have no replica unless somebody asks for some."""
        return [service.name for service in self if service.replicas == 0]

    def balanced(self) -> list[str]:
        """Services the gateway has an upstream for, as its own environment lists them."""
        return re.findall(r"([\w-]+)=", interpolate(self["gateway"].environment["UPSTREAMS"], {}))

    def links(self) -> list[tuple[str, str]]:
        """(who, to whom) of what runs through the wire: whoever is told the address of a store, and the gateway to
        those services that say so. Jobs go directly. Empty without a wire.
        """
        if "wire" not in self.services:
            return []
        found = [(client.name, store) for client in self if client.kind != "job" for store in self._told(client)]
        return found + [("gateway", name) for name in self.balanced() if self[name].wired]

    def without_wire(self) -> "Topology":
        """The same shop, everything connected directly."""
        kept = {name: service for name, service in self.services.items() if name != "wire"}
        return Topology({name: replace(each, after=_without(each.after, "wire")) for name, each in kept.items()})

    def _told(self, client: Service) -> list[str]:
        """The stores whose addresses are in its environment."""
        names = TOLD.findall(" ".join(client.environment.values()))
        known = {name.lower().replace("_", "-"): None for name in names}
        return [name for name in known if name in self.services and self[name].kind == "store"]


def _without(mapping: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in mapping.items() if key != name}


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
        wired=extra.get("wired", False),
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
