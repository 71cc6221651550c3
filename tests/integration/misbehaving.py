"""A peer that misbehaves: a real server which answers as it is told, and remembers what it was asked."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from services.common.http import Peers
from services.common.protection import Knob, preset
from services.common.settings import PeerSettings, read


@dataclass
class Peer:
    """`behaviour` has one word for each request, then always the last: ok, unavailable, refused, sent_on, sent_away,
    slow, hang, late, drip, breaks_off. `asked` keeps the methods, `paths` the paths.
    """

    behaviour: list[str]
    asked: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    at_once: int = 0
    most_at_once: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def next(self) -> str:
        return self.behaviour.pop(0) if len(self.behaviour) > 1 else self.behaviour[0]


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            peer.asked.append(self.command)
            peer.paths.append(self.path)
            peer.headers.append(dict(self.headers))
            peer.connections.add(self.client_address)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            peer.at_once += 1
            peer.most_at_once = max(peer.most_at_once, peer.at_once)
            try:
                getattr(self, peer.next())()
            except OSError:
                self.close_connection = True  # whoever asked has hung up
            finally:
                peer.at_once -= 1

        do_POST = do_GET

        def ok(self) -> None:
            self._answer(200, {})

        def unavailable(self) -> None:
            self._answer(503, {"detail": "not now"})

        def refused(self) -> None:
            self._answer(503, {"detail": "too much to do", "refused": True})

        def sent_on(self) -> None:
            self._begin(307, 0, Location="/api/other")

        def sent_away(self) -> None:
            self._begin(307, 0, Location="http://127.0.0.1:9/api/other")

        def slow(self) -> None:
            time.sleep(0.2)
            self.ok()

        def hang(self) -> None:
            peer.over.wait(30)

        def late(self) -> None:
            """Headers after a while, and then nothing."""
            time.sleep(1.4)
            self._begin(200, 1000)
            peer.over.wait(30)

        def drip(self) -> None:
            """A byte now and then: each silence is short, the whole takes for ever."""
            self._begin(200, 1000)
            while not peer.over.wait(0.05):
                self.wfile.write(b" ")

        def breaks_off(self) -> None:
            self._begin(200, 1000)
            self.wfile.write(b"{")
            self.close_connection = True

        def _answer(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self._begin(status, len(body))
            self.wfile.write(body)

        def _begin(self, status: int, length: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def misbehaving(*behaviour: str, knob: Knob = preset, **settings: str) -> Iterator[tuple[Peers, Peer]]:
    """Peers whose answers are these, in this order; `settings` are knobs without `SHOP_`."""
    peer = Peer(list(behaviour))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(peer))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environ = {"SHOP_PEER_ATTEMPT_S": "10", "SHOP_PEER_TOTAL_S": "30"}  # a busy machine is not a peer that hangs
    environ |= {f"SHOP_{name.upper()}": value for name, value in settings.items()}
    try:
        yield Peers(read(PeerSettings, {"PEERS": f"127.0.0.1:{server.server_port}", **environ}), knob), peer
    finally:
        peer.over.set()
        server.shutdown()
        server.server_close()
