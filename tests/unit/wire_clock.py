"""A loop whose time passes only when everybody waits: hours of delays take no time, and timing is exact."""

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from compose.wire.exit import Exit
from compose.wire.flow import Ending
from compose.wire.link import Link
from compose.wire.toxic import Toxic

T = TypeVar("T")


class Impatient(selectors.SelectSelector):
    """Instead of waiting, moves the clock."""

    clock_s = 1000.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits for ever"
        self.clock_s += max(0.0, timeout)
        return super().select(0)


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, in no time."""
    selector = Impatient()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.clock_s  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work())


class Socket(asyncio.Transport):
    """Notes what is written, with the seconds since it was made."""

    def __init__(self) -> None:
        super().__init__()
        self._started = asyncio.get_running_loop().time()
        self.notes: list[tuple[float, bytes | str]] = []

    def write(self, data: Any) -> None:
        self._note(bytes(data))

    def write_eof(self) -> None:
        self._note("eof")

    def close(self) -> None:
        self._note("close")

    def abort(self) -> None:
        self._note("abort")

    def pause_reading(self) -> None:
        self._note("pause")

    def resume_reading(self) -> None:
        """Nothing to note: there is nothing to read."""

    def is_closing(self) -> bool:
        return any(what in ("close", "abort") for _, what in self.notes)

    @property
    def data(self) -> bytes:
        return b"".join(what for _, what in self.notes if isinstance(what, bytes))

    @property
    def times(self) -> list[float]:
        return [round(at, 3) for at, _ in self.notes]

    def _note(self, what: bytes | str) -> None:
        self.notes.append((asyncio.get_running_loop().time() - self._started, what))


class Line:
    """A link into such a socket, already connected unless told otherwise."""

    def __init__(self, *toxics: Toxic, connected: bool = True, seed: int = 1) -> None:
        self.socket, self.endings, self.held = Socket(), [], False
        self.exit = Exit(self.endings.append)
        self.link = Link(self.exit, self._hold, toxics, random.Random(seed))
        if connected:
            self.exit.open(self.socket)

    endings: list[Ending]

    def say(self, *chunks: bytes, end: bool = False) -> None:
        """Send from the source."""
        for chunk in chunks:
            self.link.receive(chunk)
        if end:
            self.link.end(Ending.EOF)

    def _hold(self, held: bool) -> None:
        self.held = held


def toxic(kind: str, toxicity: float = 1.0, **attributes: int) -> Toxic:
    """A toxic as the API makes one."""
    return Toxic.of({"type": kind, "toxicity": toxicity, "attributes": attributes}, lambda _: None)


def change(line: Line, changed: Toxic, **attributes: int) -> None:
    """As the API changes one."""
    changed.change({"attributes": attributes}, lambda _: None)
    line.link.update(changed)
