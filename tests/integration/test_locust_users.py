"""Locust's users at a shop that is full when they come: one asks again for all, and then they shop."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.servers
ROOT = Path(__file__).resolve().parents[2]
FULL_AT_FIRST = 2


@pytest.fixture
def shop() -> Iterator[tuple[str, Counter[str]]]:
    """Its address, and how often each path was asked for: one product, and no room for the first two who ask."""
    asked: Counter[str] = Counter()

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked[path] += 1
            body = json.dumps({"items": [{"sku": "tea-001"}], "pages": 1}).encode()
            self.send_response(503 if asked.total() <= FULL_AT_FIRST else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_one_user_reads_what_is_sold_for_all_and_asks_again_while_the_shop_is_full(shop) -> None:
    url, asked = shop
    users = ["--headless", "--host", url, "--users", "8", "--spawn-rate", "8", "--run-time", "6s", "--mix", "products"]
    command = [str(Path(sys.executable).with_name("locust")), "-f", str(ROOT / "labs/load/locustfile.py"), *users]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert "Traceback" not in done.stderr, done.stderr
    assert asked["/api/catalog/products"] == FULL_AT_FIRST + 1
    assert asked["/api/catalog/products/tea-001"] > 0
