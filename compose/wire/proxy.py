"""One proxy: an address that listens, an upstream, toxics, and the connections that run through it."""

import asyncio
import random
from collections import Counter
from typing import Any

from compose.wire import addresses
from compose.wire.connection import Connection, Peer
from compose.wire.errors import ToxicExists, ToxicNotFound
from compose.wire.toxic import DIRECTIONS, Direction, Toxic


class Proxy:
    """`listen` is the text that was asked for until the proxy has been started, then where it listens."""

    def __init__(self, name: str, listen: str, upstream: str, dice: random.Random) -> None:
        self.name, self.listen, self.upstream = name, listen, upstream
        self.enabled = False
        self.bytes_received: Counter[Direction] = Counter()
        self._toxics: list[Toxic] = []
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._dice = dice

    async def start(self) -> None:
        """Listen. Raises CannotListen. The upstream is asked for only when a client comes."""
        if self.enabled:
            return
        listener = await addresses.listening(self.listen)
        self._server = await asyncio.get_running_loop().create_server(
            self._accept, sock=listener, backlog=addresses.BACKLOG
        )
        self.listen, self.enabled = addresses.name_of(listener), True

    async def stop(self) -> None:
        """Listen no more and end all connections; clients see the end of the stream, new ones are refused."""
        self.enabled = False
        if self._server:
            self._server.close()
            self._server = None
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    async def move(self, listen: str, upstream: str) -> None:
        """Stop, and take over other addresses."""
        await self.stop()
        self.listen, self.upstream = listen, upstream

    async def differs(self, listen: str, upstream: str) -> bool:
        """Is any of these another address than the present one?"""
        if upstream != self.upstream:
            return True
        return listen != self.listen and addresses.join(*await addresses.resolve(listen)) != self.listen

    @property
    def toxics(self) -> list[Toxic]:
        """Upstream ones first, then downstream, each in the order they came."""
        return sorted(self._toxics, key=lambda toxic: DIRECTIONS.index(toxic.direction))

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def toxic(self, name: str) -> Toxic:
        """The toxic of this name. Raises ToxicNotFound."""
        for toxic in self._toxics:
            if toxic.name == name:
                return toxic
        raise ToxicNotFound

    def add(self, toxic: Toxic) -> None:
        """Let a toxic work on all connections, present and future. Raises ToxicExists."""
        if any(toxic.name == other.name for other in self._toxics):
            raise ToxicExists
        self._toxics.append(toxic)
        for connection in self._connections:
            connection.links[toxic.direction].add(toxic)

    def update(self, toxic: Toxic) -> None:
        """Let a change of the toxic take effect on all connections."""
        for connection in self._connections:
            connection.links[toxic.direction].update(toxic)

    def remove(self, toxic: Toxic) -> None:
        """Take it away from all connections; what it held back goes on."""
        self._toxics.remove(toxic)
        for connection in self._connections:
            connection.links[toxic.direction].remove(toxic)

    def received(self) -> Counter[Direction]:
        """Bytes that came in, per direction, since the proxy was made."""
        total = Counter(self.bytes_received)
        for connection in self._connections:
            total.update(_received(connection))
        return total

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": [toxic.to_json() for toxic in self.toxics],
        }

    def _accept(self) -> Peer:
        connection = Connection(self.upstream, self._toxics, self._dice, self._over)
        self._connections.add(connection)
        return connection.client

    def _over(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            self.bytes_received.update(_received(connection))


def _received(connection: Connection) -> dict[Direction, int]:
    return {"upstream": connection.client.received, "downstream": connection.server.received}
