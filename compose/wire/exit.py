"""The way out of a link: its sink's socket, which may not be connected yet, be slow, or be gone."""

import asyncio
import socket
import struct
from collections.abc import Callable

from compose.wire.flow import Chunk, Ending, Piece

EARLY_BYTES = 65_536
"""What a client may say before the upstream is connected; then it is no longer read."""
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 s. Closing such a socket sends a reset."""


class Exit:
    """Bytes and endings for one socket. `when_ended` is called once the stream's end has been passed on."""

    write: Callable[[bytes], None]
    """Takes bytes for the socket; never waits."""

    def __init__(self, when_ended: Callable[[Ending], None]) -> None:
        self.when_changed: Callable[[], None] = lambda: None
        self._when_ended = when_ended
        self._transport: asyncio.Transport | None = None
        self._early = bytearray()
        self._ending: Ending | None = None
        self._source_gone = self._paused = False
        self._room = asyncio.Event()
        self._room.set()
        self.write = self._write_early

    @property
    def full(self) -> bool:
        """Should the sender wait?"""
        return self._paused

    def put(self, piece: Piece) -> None:
        """A piece of the stream; nothing has an effect after its end."""
        if isinstance(piece, Chunk):
            self.write(piece.data)
        elif self._ending is None:
            self._ending = piece
            self.write = _nowhere
            if self._transport:
                self._end(self._transport, piece)

    async def room(self) -> None:
        """Wait until bytes are welcome."""
        await self._room.wait()

    def pause(self, paused: bool) -> None:
        """The socket has had enough for now, or can take more."""
        self._paused = paused
        if paused:
            self._room.clear()
        else:
            self._room.set()
        self.when_changed()

    def open(self, transport: asyncio.Transport) -> None:
        """The socket is connected: what was said meanwhile goes first."""
        self._transport = transport
        self.write = _nowhere if self._ending else transport.write
        self.pause(False)
        if self._early:
            transport.write(bytes(self._early))
            self._early.clear()
        if self._ending:
            self._end(transport, self._ending)

    def source_gone(self) -> None:
        """Nobody is there to hear an answer: a half-close, also one that was passed on before, becomes a close."""
        self._source_gone = True
        if self._ending and self._transport:
            self._transport.close()

    def lost(self) -> None:
        """The socket is gone: whatever comes is dropped, and nobody has to wait."""
        self.write = _nowhere
        self._ending = self._ending or Ending.CLOSE
        self._early.clear()
        self.pause(False)

    def _write_early(self, data: bytes) -> None:
        self._early += data
        if len(self._early) >= EARLY_BYTES:
            self.pause(True)

    def _end(self, transport: asyncio.Transport, ending: Ending) -> None:
        if ending is Ending.EOF and not self._source_gone:
            if not transport.is_closing():
                transport.write_eof()
        elif ending is not Ending.RESET:
            transport.close()
        self._when_ended(ending)


def reset(transport: asyncio.Transport) -> None:
    """Close with TCP RST: the other side sees "connection reset by peer"."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    transport.abort()


def _nowhere(data: bytes) -> None:
    """Bytes after the end."""
