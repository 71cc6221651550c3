"""What the wire costs: round trips through it and beside it, in turn, in one run. `bench` may ask for it.

Needs about a second of two processors; figures from a busy machine say little, their ratio a little more.
"""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import cast

from compose.wire.__main__ import in_loop

ROUNDS, TRIPS, MESSAGE = 5, 1000, b"x" * 100
WITHIN_S = 10.0


@dataclass(frozen=True)
class Cost:
    """Microseconds per round trip of 100 bytes, medians of the rounds."""

    direct_us: float
    wired_us: float

    @property
    def extra_us(self) -> float:
        """What the wire adds."""
        return self.wired_us - self.direct_us


def measure(echo_port: int, wire_port: int, rounds: int = ROUNDS, trips: int = TRIPS) -> Cost:
    """An echo server, the wire before it without a toxic (its API on the next port), and one talkative client.

    All three in processes of their own. Both ports and the one after the wire's must be free.
    """
    proxy = {"name": "echo", "listen": f"127.0.0.1:{wire_port}", "upstream": f"127.0.0.1:{echo_port}"}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
        json.dump([proxy], config)
        config.flush()
        wire = ["compose.wire", "--port", str(wire_port + 1), "--config", config.name]
        with _running(["compose.wire.cost", str(echo_port)]), _running(wire):
            times = [(_round_trip_us(echo_port, trips), _round_trip_us(wire_port, trips)) for _ in range(rounds)]
    return Cost(median(direct for direct, _ in times), median(wired for _, wired in times))


def _round_trip_us(port: int, trips: int) -> float:
    with closing(_connected(port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = time.perf_counter()
        for _ in range(trips):
            line.sendall(MESSAGE)
            left = len(MESSAGE)
            while left:
                left -= len(line.recv(left)) or left
        return (time.perf_counter() - started) / trips * 1_000_000


def _connected(port: int) -> socket.socket:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextmanager
def _running(module: list[str]) -> Iterator[None]:
    project = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-m", *module], cwd=project, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(WITHIN_S)


class Echo(asyncio.Protocol):
    """Answers what it hears."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def echo(port: int) -> None:
    """Answer on this port until terminated."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    in_loop(echo(int(sys.argv[1])))
