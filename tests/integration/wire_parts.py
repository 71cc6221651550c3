"""A wire in a process of its own, upstreams in threads, and clients, for the tests of the wire."""

import json
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import urllib3

PROJECT = Path(__file__).parents[2]
PORTS = cycle(range(23500, 23700))
WITHIN_S = 30.0
"""How long a busy machine may take for anything here."""
WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None; from compose.wire.__main__ import main; main()"


def free_port() -> int:
    """Below 32768, where no outgoing connection can take it in the meantime."""
    for port in islice(PORTS, 200):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port")


class Upstream(threading.Thread):
    """A server that gives each connection to `serve`, which may use it until the upstream is stopped."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        super().__init__(daemon=True)
        self._serve, self._stopped = serve, False
        self._listener = socket.create_server(("127.0.0.1", free_port()), backlog=1000)
        self._threads: list[threading.Thread] = []
        self._lines: list[socket.socket] = []
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._lines.append(line)
            self._threads.append(threading.Thread(target=self._talk, args=(line,), daemon=True))
            self._threads[-1].start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.join(WITHIN_S)
        self._listener.close()
        for line in self._lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already
        for thread in self._threads:
            thread.join(WITHIN_S)

    def _talk(self, line: socket.socket) -> None:
        with line:
            line.settimeout(WITHIN_S)
            try:
                self._serve(line)
            except OSError:
                pass  # the client has gone


def echo(line: socket.socket) -> None:
    """Answers what it hears, and ends when the client does."""
    while data := line.recv(65_536):
        line.sendall(data)


@contextmanager
def upstream(serve: Callable[[socket.socket], None] = echo) -> Iterator[Upstream]:
    """Running for the time being."""
    server = Upstream(serve)
    try:
        yield server
    finally:
        server.stop()


class Wire:
    """A running wire and its API."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = self._first_line()
        self.url = self.said.split(" at ")[1]
        self._pool = urllib3.PoolManager(retries=False, timeout=WITHIN_S)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """One request; a body that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return self._pool.request(method, self.url + path, body=data, headers=headers)

    def do(self, method: str, path: str, body: Any = None) -> Any:
        """One request that must succeed; its answer's JSON."""
        answer = self.ask(method, path, body)
        assert answer.status in (200, 201, 204), answer.data
        return answer.json() if answer.data else None

    def proxy(self, name: str, upstream: str) -> tuple[str, int]:
        """A new proxy on a free port; its address."""
        made = self.do("POST", "/proxies", {"name": name, "listen": f"127.0.0.1:{free_port()}", "upstream": upstream})
        return address(made["listen"])

    def close(self) -> None:
        self._pool.clear()

    def _first_line(self) -> str:
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(WITHIN_S), "the wire says nothing"
        return self.process.stdout.readline().strip()


@contextmanager
def wire(*options: str, uvloop: bool = True) -> Iterator[Wire]:
    """Running for the time being, its API on a free port."""
    module = ["-m", "compose.wire"] if uvloop else ["-c", WITHOUT_UVLOOP]
    command = [sys.executable, *module, "--port", str(free_port()), *options]
    with (
        subprocess.Popen(command, cwd=PROJECT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)
        running = Wire(process)
        stack.callback(running.close)
        yield running


def address(text: str) -> tuple[str, int]:
    """Host and port."""
    host, _, port = text.rpartition(":")
    return host, int(port)


@contextmanager
def line_to(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A client's connection."""
    with socket.create_connection(address, timeout=WITHIN_S) as line:
        yield line


def ask(line: socket.socket, data: bytes = b"ping") -> float:
    """Seconds until the echo of `data` is complete."""
    started = time.monotonic()
    line.sendall(data)
    assert read(line, len(data)) == data
    return time.monotonic() - started


def read(line: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or fewer when the stream ends."""
    data = b""
    while len(data) < size and (more := line.recv(size - len(data))):
        data += more
    return data


def read_all(line: socket.socket) -> bytes:
    """Everything until the stream ends."""
    data = bytearray()
    while more := line.recv(65_536):
        data += more
    return bytes(data)


def seconds_until_end(line: socket.socket) -> float:
    """Until the other side ends the stream without a word."""
    started = time.monotonic()
    assert line.recv(1) == b""
    return time.monotonic() - started
