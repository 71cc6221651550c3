"""Finding a running shop: where its control daemon listens and the token that opens it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from compose import places
from compose.runtime.processes import Ours


class NotRunning(Exception):
    """There is no such shop running; the message says how to start one."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a client must know: written by the daemon when it starts, mode 0600, removed when it ends."""

    name: str
    runtime: str
    base: int
    control_url: str
    token: str
    pid: int
    created: float

    def alive(self) -> bool:
        """Is that very daemon still running?"""
        return Ours(self.pid, self.created).process() is not None


def path(name: str) -> Path:
    """The file of one shop."""
    return places.folder(name) / "control.json"


def read(name: str) -> Place | None:
    """What is written of a shop, running or not."""
    try:
        return Place(**json.loads(path(name).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def find(name: str) -> Place:
    """The place of a running shop. Raises NotRunning."""
    place = read(name)
    if place is None or not place.alive():
        others = [other.name for other in everywhere() if other.alive()]
        hint = f" (running: {', '.join(others)})" if others else ""
        raise NotRunning(f"the shop {name!r} is not running{hint}; start it with: ./shoplab up" + _named(name))
    return place


def everywhere() -> list[Place]:
    """All shops of this user that have been started and not taken down."""
    found = [read(file.parent.name) for file in places.state_home().glob("*/control.json")]
    return [place for place in found if place is not None]


def write(place: Place) -> None:
    """Publish a place."""
    places.write_private(path(place.name), json.dumps(asdict(place)))


def _named(name: str) -> str:
    return "" if name == "shop" else f" --name {name}"
