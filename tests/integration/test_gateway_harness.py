"""A real gateway in front of tiny real HTTP servers, for the tests beside it. Run as a script it is one such server.

What a replica does is asked for in the query: `sleep=SECONDS`, `status=CODE`, `break=1` (read the request, then hang
up), all of it only where `on=` names that replica, or everywhere without it. `/hits` on its own port counts requests by
method.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[2]
PORTS = iter(range(22210, 22400))


class Replica(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = ""
    hits: dict[str, int] = {}  # noqa: RUF012

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = urlsplit(self.path)
        if asked.path == "/hits":
            return self.say(200, self.hits)
        self.hits[self.command] = self.hits.get(self.command, 0) + 1
        wish = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if wish.get("on", self.name) != self.name:
            wish = {}
        time.sleep(float(wish.get("sleep", 0)))
        if "break" in wish:
            self.close_connection = True
            return None
        headers = {name.lower(): value for name, value in self.headers.items()}
        echo = {"method": self.command, "path": self.path, "headers": headers, "size": len(body), "from": self.name}
        return self.say(int(wish.get("status", 200)), echo)

    def say(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        own = f"X-Served-By: {self.name}\r\nX-Request-Id: {self.headers.get('X-Request-Id')}\r\n\r\n"
        self.wfile.write((head + own).encode() + (b"" if self.command == "HEAD" else body))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.body)


def ask(
    address: str, path: str, method: str = "GET", timeout: float = 10, body: bytes | None = None, **headers: str
) -> Answer:
    """One request on a connection of its own; header names are given with underscores."""
    connection = http.client.HTTPConnection(address, timeout=timeout)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def free_address() -> str:
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return f"127.0.0.1:{port}"
    raise AssertionError("no free port is left in the block")


def wait_for(address: str, process: subprocess.Popen[bytes], path: str = "/hits") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            ask(address, path, timeout=1)
            return
        except OSError:
            assert process.poll() is None, "it ended before it was ready"
            time.sleep(0.02)
    raise AssertionError(f"{address} did not become ready")


@contextmanager
def replica(name: str, address: str | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    address = address or free_address()
    process = subprocess.Popen([sys.executable, __file__, name, address])
    try:
        wait_for(address, process)
        yield address, process
    finally:
        process.kill()
        process.wait()


@contextmanager
def folder() -> Iterator[str]:
    """A data folder that nginx's workers can enter even when root runs the tests."""
    data = tempfile.mkdtemp(prefix="gateway-")
    os.chmod(data, 0o755)
    try:
        yield data
    finally:
        shutil.rmtree(data)


@dataclass(frozen=True)
class Running:
    public: str
    internal: str
    data: str
    process: subprocess.Popen[bytes]

    def show(self) -> str:
        return gateway("show", DATA=self.data).stdout

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in Path(self.data, "access.log").read_text().splitlines()]


def gateway(command: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "compose.gateway", command]
    surroundings = {**os.environ, **environment}
    return subprocess.run(
        argv, input=text, capture_output=True, text=True, cwd=ROOT, env=surroundings, timeout=30, check=False
    )


@contextmanager
def running(upstreams: str, **environment: str) -> Iterator[Running]:
    """The gateway as compose.yaml starts it, ended with QUIT."""
    public, internal = free_address(), free_address()
    with folder() as data:
        told = {"LISTEN": public, "LISTEN_INTERNAL": internal, "DATA": data, "UPSTREAMS": upstreams, **environment}
        argv = [sys.executable, "-m", "compose.gateway", "serve"]
        process = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, **told}, start_new_session=True)
        try:
            wait_for(public, process, "/livez")
            yield Running(public, internal, data, process)
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=15)
        finally:
            _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """nginx's workers outlive a killed master: end the whole session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


if __name__ == "__main__":
    Replica.name, where = sys.argv[1:3]
    Server(("127.0.0.1", int(where.rpartition(":")[2])), Replica).serve_forever()
