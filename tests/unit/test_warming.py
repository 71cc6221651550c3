"""Warming against a shop of three pages that counts what it is asked for."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from labs.warming import NotWarmed, warm


class Shop(ThreadingHTTPServer):
    """Sells tea-0 to tea-5, two on a page; has no answer for what is `broken`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.read: list[str] = []
        self.broken: set[str] = set()


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        shop: Any = self.server
        path, _, page = self.path.removeprefix("/api/catalog/products").partition("?page=")
        sku = path.removeprefix("/")
        if sku:
            shop.read.append(sku)
        self.send_response(503 if (sku or page) in shop.broken else 200)
        self.end_headers()
        items = [{"sku": f"tea-{number}"} for number in range(2 * int(page) - 2, 2 * int(page))] if page else []
        self.wfile.write(json.dumps({"items": items, "pages": 3}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Not into the tests' output."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        thread = Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield shop
        shop.shutdown()
        thread.join()


def test_everything_the_shop_sells_is_read_once(shop: Shop) -> None:
    assert warm(shop.url).products == 6
    assert sorted(shop.read) == [f"tea-{number}" for number in range(6)]


def test_the_most_wanted_are_those_the_shop_puts_first(shop: Shop) -> None:
    assert warm(shop.url, top=3).products == 3
    assert sorted(shop.read) == ["tea-0", "tea-1", "tea-2"]


def test_a_product_that_fails_is_counted_and_the_others_are_read(shop: Shop) -> None:
    shop.broken = {"tea-1"}
    warmed = warm(shop.url)
    assert (warmed.products, warmed.failed) == (5, 1)


def test_a_shop_that_does_not_say_what_it_sells_is_an_error(shop: Shop) -> None:
    shop.broken = {"2"}
    with pytest.raises(NotWarmed, match="503"):
        warm(shop.url)
