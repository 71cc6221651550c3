"""Finding a shop: who its control daemon is, where it listens, the token that opens it. One daemon a shop: it holds
the shop's lock for its life, and whoever cleans up after a dead one holds it meanwhile.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from compose import places
from compose.runtime.processes import Ours
from compose.runtime.verbs import RuntimeFailed

LOCK_WAIT_S = 2.0


class NotRunning(Exception):
    """There is no such shop running; the message says how to start one."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a client must know: written by the daemon before it starts anything, mode 0600, removed when all has
    ended. It answers while it is `serving`: not yet while the shop comes up, no more while it goes down.
    """

    name: str
    runtime: str
    base: int
    control_url: str
    token: str
    pid: int
    created: float
    birth: str = ""
    serving: bool = True
    wired: bool = True

    @property
    def daemon(self) -> Ours:
        """The process that wrote it."""
        return Ours(self.pid, self.created, self.birth)

    def alive(self) -> bool:
        """Is that very daemon still running?"""
        return self.daemon.process() is not None


def path(name: str) -> Path:
    """The file of one shop."""
    return places.folder(name) / "control.json"


def volumes(name: str) -> Path:
    """Marks a shop that has run in containers: an engine keeps its data."""
    return places.folder(name) / "volumes"


def read(name: str) -> Place | None:
    """What is written of a shop, running or not."""
    try:
        return Place(**json.loads(path(name).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def find(name: str) -> Place:
    """The place of a running shop. Raises NotRunning."""
    place = read(name)
    if place and place.alive() and not place.serving:
        raise NotRunning(f"the shop {name!r} is just starting or ending; try again in a moment")
    if place is None or not place.alive():
        others = [other.name for other in everywhere() if other.alive() and other.serving]
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


@contextmanager
def held(name: str) -> Iterator[None]:
    """Be the only one who starts, runs, ends or cleans up this shop. Raises RuntimeFailed when another is at it."""
    deadline = time.monotonic() + LOCK_WAIT_S
    with (places.folder(name) / "lock").open("a") as lock:
        while not places.locked(lock):
            if time.monotonic() > deadline:
                raise RuntimeFailed(
                    f"another command is starting or ending the shop {name!r}: wait for it, or end the shop with: "
                    "./shoplab down" + _named(name)
                )
            time.sleep(0.05)
        yield


def _named(name: str) -> str:
    return "" if name == "shop" else f" --name {name}"
