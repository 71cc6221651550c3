"""A small closed-loop HTTP client: each connection sends its next request when it has its answer.

For throughput only. (Latency under a given rate is the open-loop generator's business, `labs.load`: a closed loop asks
less of a shop that is slow.) It is our own rather than wrk, so that a figure is measured alike on every machine; on
uvloop, with ready-made bytes, it takes little from the cores it shares with what it measures.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import uvloop

from compose.runtime.verbs import RuntimeFailed

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
END = b"\r\n\r\n"
WITHIN_S = 60.0


@dataclass
class Tally:
    """What came back: answers by status, connections that broke with a request under way, seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    seconds: float = 0.0

    def rate(self, *fine: int) -> float:
        """Answers per second. Raises RuntimeFailed when any had another status than these, or none at all."""
        answers = sum(self.statuses.values())
        if self.broken or not answers or set(self.statuses) - set(fine):
            raise RuntimeFailed(f"the load was not served as expected: {dict(self.statuses)}, {self.broken} broken")
        return answers / self.seconds


class Connection(asyncio.Protocol):
    """One keep-alive connection: `following` gives the next request, None when there is none left."""

    def __init__(self, following: Callable[[], bytes | None], tally: Tally) -> None:
        self._following, self._tally = following, tally
        self._received, self._waiting = b"", False
        self.finished = False
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        request = self._following()
        self._received, self._waiting = b"", request is not None
        if request is None:
            self.finished = True
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(END)
        if head < 0:
            return
        length = LENGTH.search(self._received, 0, head)
        if length is None:
            raise RuntimeFailed(f"an answer without Content-Length: {self._received[:head]!r}")
        if len(self._received) >= head + len(END) + int(length[1]):
            self._tally.statuses[int(self._received[9:12])] += 1
            self._waiting = False
            if CLOSES.search(self._received, 0, head):
                self._transport.close()
            else:
                self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._tally.broken += self._waiting
        self.lost.set_result(None)


def drive(address: str, connections: int, requests: Iterator[bytes]) -> Tally:
    """Send all requests over that many connections ("host:port"); each connection has one request under way."""

    async def main() -> Tally:
        tally = Tally()
        began = time.monotonic()
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(*(_keep(address, lambda: next(requests, None), tally) for _ in range(connections)))
        tally.seconds = time.monotonic() - began
        return tally

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


async def _keep(address: str, following: Callable[[], bytes | None], tally: Tally) -> None:
    """Nginx closes a connection after a number of requests: open another one."""
    host, port = address.split(":")
    loop = asyncio.get_running_loop()
    while True:
        _, connection = await loop.create_connection(lambda: Connection(following, tally), host, int(port))
        await connection.lost
        if connection.finished or tally.broken:
            return


def for_seconds(request: bytes, seconds: float) -> Iterator[bytes]:
    """The same request again and again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield request


def get(address: str, path: str, **headers: str) -> bytes:
    """A GET as bytes; underscores in headers' names are hyphens."""
    return _head(f"GET {path}", address, headers)


def post(address: str, path: str, body: bytes, **headers: str) -> bytes:
    """A POST of JSON as bytes."""
    ours = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return _head(f"POST {path}", address, headers | ours) + body


def _head(asked: str, address: str, headers: Mapping[str, str]) -> bytes:
    lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"{asked} HTTP/1.1\r\nHost: {address}\r\n{''.join(lines)}\r\n".encode()
