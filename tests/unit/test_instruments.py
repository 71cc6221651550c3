"""Who follows the flags, as the replicas' own metrics say."""

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from labs.control.instruments import Instruments

NOBODY = "127.0.0.1:9"


class Machine:
    """Replicas of one service: a tiny server for each that knows a version, silence for all others."""

    def __init__(self, states: Mapping[str, str], addresses: Mapping[str, str]) -> None:
        self._states, self._addresses = states, addresses

    def members(self, service: str) -> list[str]:
        return [name for name in self._states if name.startswith(service)]

    def state(self, component: str) -> str:
        return self._states[component]

    def address(self, component: str) -> str:
        return self._addresses.get(component, NOBODY)


@pytest.fixture
def knowing() -> Iterator[dict[int, str]]:
    """version -> address of a replica that knows it."""
    servers = {version: _server(version) for version in (6, 7)}
    yield {version: f"127.0.0.1:{server.server_port}" for version, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


def _server(version: int) -> ThreadingHTTPServer:
    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"shop_flags_version {version}.0\n".encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def test_behind_is_who_is_there_and_does_not_know_the_newest_flags_silent_ones_too(knowing: dict[int, str]) -> None:
    states = {"orders-1": "running", "orders-2": "running", "orders-lane-1": "paused", "orders-lane-2": "stopped"}
    machine = Machine(states, {"orders-1": knowing[7], "orders-2": knowing[6]})
    behind = Instruments(cast(Any, machine), cast(Any, None)).behind(["orders"], 7)
    assert behind == {"orders-2": "running", "orders-lane-1": "paused"}
