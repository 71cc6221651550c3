"""A client's connection and the one made for it to the upstream, joined by two links."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import cast

from compose.wire import addresses
from compose.wire.exit import Exit, reset
from compose.wire.flow import Ending
from compose.wire.link import Link
from compose.wire.toxic import DIRECTIONS, Direction, Toxic

log = logging.getLogger("wire")

CONNECT_S = 10.0
"""How long an upstream may take to accept; the client waits meanwhile, and then sees the end of the stream."""


class Peer(asyncio.Protocol):
    """One of the two sockets. What it says goes into `out`, what it shall hear comes from `into`."""

    out: Link
    into: Exit

    def __init__(self, when_made: Callable[[], None], when_lost: Callable[[], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self.over = False
        self.received = 0
        self._when_made, self._when_lost = when_made, when_lost
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.hold(self._held)
        self.into.open(self.transport)
        self._when_made()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.out.receive(data)

    def eof_received(self) -> bool:
        self.out.end(Ending.EOF)
        return True  # the other direction goes on

    def pause_writing(self) -> None:
        self.into.pause(True)

    def resume_writing(self) -> None:
        self.into.pause(False)

    def connection_lost(self, error: Exception | None) -> None:
        self.over = True
        self.into.lost()
        self.out.end(Ending.CLOSE)
        self._when_lost()

    def hold(self, held: bool) -> None:
        """Stop or go on reading; before there is a connection it is remembered."""
        self._held = held
        if self.transport and not self.transport.is_closing():
            self.transport.pause_reading() if held else self.transport.resume_reading()

    def close(self) -> None:
        """Close once everything is sent."""
        if self.transport:
            self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self.transport:
            self.transport.abort()


class Connection:
    """Both sockets and both links. `when_over` is called when nothing is left."""

    def __init__(
        self,
        upstream: str,
        toxics: Sequence[Toxic],
        dice: random.Random,
        when_over: Callable[["Connection"], None],
    ) -> None:
        self._upstream, self._when_over = upstream, when_over
        self._connecting: asyncio.Task[None] | None = None
        self._aborted = False
        self._ended = 0
        self.client = Peer(self._connect, self._lost)
        self.server = Peer(self._connected, self._lost)
        self.links: dict[Direction, Link] = {}
        ways = ((self.client, self.server), (self.server, self.client))
        for direction, (source, sink) in zip(DIRECTIONS, ways, strict=True):
            mine = [toxic for toxic in toxics if toxic.direction == direction]
            sink.into = Exit(self._end)
            source.out = self.links[direction] = Link(sink.into, source.hold, mine, dice)

    def abort(self) -> None:
        """End both connections at once, also those that are just being made; clients see the end of the stream."""
        self._aborted = True
        if self._connecting:
            self._connecting.cancel()
        self.server.over = self.server.over or self.server.transport is None
        self.client.abort()
        self.server.abort()

    def _connect(self) -> None:
        if self._aborted:
            return self.client.abort()
        self._connecting = asyncio.get_running_loop().create_task(self._reach())

    async def _reach(self) -> None:
        try:
            host, port = addresses.split(self._upstream)
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().create_connection(lambda: self.server, host or "localhost", port)
        except (ValueError, OSError) as error:
            log.info("no connection to %s: %s", self._upstream, error or "it takes too long")
            self.client.close()
            self.server.connection_lost(None)

    def _connected(self) -> None:
        if self._aborted:
            self.server.abort()

    def _end(self, ending: Ending) -> None:
        self._ended += 1
        if ending is Ending.RESET:
            for peer in (self.client, self.server):
                if peer.transport and not peer.over:
                    reset(peer.transport)
        elif self._ended == len(DIRECTIONS):
            self.client.close()
            self.server.close()

    def _lost(self) -> None:
        if self.client.over and self.server.over:
            for link in self.links.values():
                link.cancel()
            self._when_over(self)
