"""Calling a peer of which one replica hangs: another one is asked while there is time, if that is safe."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.common.errors import TimedOut
from services.common.http import Peers
from services.common.settings import PeerSettings, read

pytestmark = pytest.mark.servers


@contextmanager
def hanging_once(hang_s: float) -> Iterator[tuple[Peers, list[str]]]:
    """Peers whose first answer takes `hang_s`, and the methods they were asked with."""
    asked: list[str] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.command)
            if len(asked) == 1:
                over.wait(hang_s)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    try:
        yield (
            Peers(read(PeerSettings, {"PEERS": address, "SHOP_PEER_ATTEMPT_S": "0.3", "SHOP_PEER_TOTAL_S": "5"})),
            asked,
        )
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def test_a_safe_call_asks_again_while_the_first_one_hangs() -> None:
    with hanging_once(30) as (peers, asked):
        began = time.monotonic()
        peers.get("/api/any")
        assert (asked, time.monotonic() - began < 5) == (["GET", "GET"], True)


def test_a_call_that_is_not_safe_is_made_once_and_has_all_the_time() -> None:
    with hanging_once(1) as (peers, asked):
        peers.call("POST", "/api/any")
        assert asked == ["POST"]


def test_who_gives_more_time_than_usual_gets_the_slow_answer() -> None:
    with hanging_once(1) as (peers, asked):
        peers.call("POST", "/api/any", safe=True, total_s=6)
        assert asked == ["POST"]


def test_what_may_not_be_repeated_ends_as_timed_out() -> None:
    with hanging_once(30) as (peers, asked), pytest.raises(TimedOut):
        peers.call("POST", "/api/any", total_s=0.2)
    assert asked == ["POST"]
