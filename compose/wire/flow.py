"""What a toxic works with: pieces of a stream, the bounded pipe they wait in, and the toxic's hands.

A toxic looks at the first piece, waits as long as it likes, and only then passes it on. Nothing is ever in a toxic's
pocket: it can be interrupted at any `await`, when it is updated or removed, and no byte is lost or changes places.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, Self

FULL_BYTES = 4_000_000
FULL_PIECES = 1_024
"""More than this does not wait before a toxic: the sender is no longer read, and feels it."""


@dataclass(slots=True)
class Chunk:
    """Bytes of the stream. `at`: the loop's time in seconds when they came to where they wait now."""

    data: bytes
    at: float


class Ending(Enum):
    """How a stream ends: a half-close that the other direction survives, the whole connection, or a reset."""

    EOF = "eof"
    CLOSE = "close"
    RESET = "reset"


Piece = Chunk | Ending


class Outlet(Protocol):
    """Where pieces go: the next toxic's pipe, or the way out."""

    def put(self, piece: Piece) -> None: ...
    async def room(self) -> None: ...


class Pipe:
    """Pieces in order, waiting for one reader. `when_room` is called each time a full pipe has room again."""

    def __init__(self, when_room: Callable[[], None] = lambda: None) -> None:
        self._pieces: deque[Piece] = deque()
        self._bytes = 0
        self._when_room = when_room
        self._some, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()

    @property
    def full(self) -> bool:
        """Should the sender wait?"""
        return self._bytes >= FULL_BYTES or len(self._pieces) >= FULL_PIECES

    def put(self, piece: Piece) -> None:
        """Append; never refuses, whoever can wait asks for `room` first."""
        self._pieces.append(piece)
        self._bytes += len(piece.data) if isinstance(piece, Chunk) else 0
        self._some.set()
        if self.full:
            self._room.clear()

    async def room(self) -> None:
        """Wait until the pipe is not full."""
        await self._room.wait()

    async def head(self) -> Piece:
        """The first piece, once there is one; it stays."""
        await self._some.wait()
        return self._pieces[0]

    def take(self, size: int | None = None) -> Piece:
        """Remove the first piece, or only its first `size` bytes."""
        piece = self._pieces.popleft()
        if isinstance(piece, Chunk):
            if size is not None and size < len(piece.data):
                self._pieces.appendleft(Chunk(piece.data[size:], piece.at))
                piece = Chunk(piece.data[:size], piece.at)
            self._bytes -= len(piece.data)
        self._taken()
        return piece

    def drain(self) -> list[Piece]:
        """Remove everything."""
        pieces = list(self._pieces)
        self._pieces.clear()
        self._bytes = 0
        self._taken()
        return pieces

    def _taken(self) -> None:
        if not self._pieces:
            self._some.clear()
        if not self._room.is_set() and not self.full:
            self._room.set()
            self._when_room()


class Flow:
    """A toxic's hands on one link. It must pass on or drop each piece it is shown, or it is shown the same again."""

    def __init__(self, inlet: Pipe, outlet: Outlet) -> None:
        self.inlet, self.outlet = inlet, outlet
        self.passed = 0
        """Bytes passed on since the toxic came to this link."""
        self.ended = False

    def __aiter__(self) -> Self:
        """Each chunk when it comes to the front, until the stream ends."""
        return self

    async def __anext__(self) -> Chunk:
        piece = await self.inlet.head()
        if isinstance(piece, Ending):
            raise StopAsyncIteration
        return piece

    async def pass_on(self, size: int | None = None) -> None:
        """Send the first chunk, or its first `size` bytes, on its way; waits while there is no room."""
        await self.outlet.room()
        piece = self.inlet.take(size)
        if isinstance(piece, Chunk):
            self.passed += len(piece.data)
            piece.at = now()  # so that delays of a chain add
        self.outlet.put(piece)

    async def wait_until(self, moment: float) -> None:
        """Wait for the loop's `moment`, in seconds."""
        await asyncio.sleep(moment - now())

    def drop(self) -> None:
        """Throw the first piece away."""
        self.inlet.take()

    async def end(self, ending: Ending | None = None) -> None:
        """End the stream, in its own way when nothing else is said; waits for its end then. Nothing follows."""
        if ending is None:
            head = await self.inlet.head()
            assert isinstance(head, Ending), "the stream goes on"
            ending = head
        self.ended = True
        self.outlet.put(ending)


def now() -> float:
    """The loop's time in seconds."""
    return asyncio.get_running_loop().time()
