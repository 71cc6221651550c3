"""How the storefront asks the other services."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from compose.gateway.model import Waits
from services.common.errors import TimedOut, Unavailable
from services.common.http import Peers
from services.common.settings import PeerSettings, read
from services.common.telemetry import request_id
from services.storefront.checkout import ANSWERED_S
from services.storefront.settings import StorefrontSettings
from services.storefront.shop import Shop
from tests.unit.storefront_fakes import FakePeers


class Bounds(FakePeers):
    """Remembers the bound of every call."""

    def __init__(self):
        super().__init__()
        self.bounds = {}

    def call(self, method, path, body=None, *, total_s=None, **more):
        self.bounds[path.split("?")[0]] = total_s
        return super().call(method, path, body, total_s=total_s, **more)


def test_what_a_page_can_do_without_is_bounded_tightly():
    peers = Bounds()
    shop = Shop(peers, optional_s=0.15)
    shop.count("a" * 32), shop.stock("tea-000"), shop.best_sellers(), shop.messages("1")
    assert set(peers.bounds.values()) == {0.15}
    assert len(peers.bounds) == 4


def test_a_visitor_without_a_cart_costs_the_cart_service_nothing():
    peers = FakePeers()
    shop = Shop(peers)
    assert (shop.count(""), shop.basket("").lines) == (0, [])
    assert peers.asked == []


class Slow(FakePeers):
    """The catalogue hangs until it is let go, then fails."""

    def __init__(self):
        super().__init__()
        self.over = Event()

    def answer_catalog(self, *_):
        self.over.wait(5)
        raise Unavailable("gone")


def test_a_full_basket_keeps_nobody_from_what_is_asked_beside_and_is_not_looked_up_to_its_end():
    peers = Slow()
    shop = Shop(peers)
    with ThreadPoolExecutor(1) as threads:
        basket = threads.submit(shop.priced, [(f"tea-{n:03d}", 1) for n in range(50)])
        assert shop.soon(lambda: shop.count("a" * 32))() == 0
        assert not peers.over.is_set()
        peers.over.set()
        with pytest.raises(Unavailable):
            basket.result()
    assert sum(path.startswith("/api/catalog") for _, path, *_ in peers.asked) < 50


def test_placing_orders_has_places_of_its_own():
    asked = {}

    class Noted(FakePeers):
        def call(self, method, path, body=None, *, compartment="", **more):
            asked[method, path.split("/")[2]] = compartment
            return super().call(method, path, body, **more)

    shop = Shop(Noted())
    order = shop.place("k", [("tea-000", 1)], "tok_ok")
    shop.order(order.order_id)
    assert asked == {("POST", "orders"): "checkout", ("GET", "orders"): ""}


def test_questions_asked_beside_each_other_carry_the_requests_id():
    token = request_id.set("learner-2")
    try:
        assert Shop(FakePeers()).soon(request_id.get)() == "learner-2"
    finally:
        request_id.reset(token)


def test_an_order_has_less_time_than_the_gateway_gives_the_storefront():
    settings = read(StorefrontSettings, {"PEERS": "127.0.0.1:1", "MEMCACHED": "127.0.0.1:1"})
    assert settings.peer_total_s < settings.order_s < ANSWERED_S < Waits().read_s
    assert settings.checkouts_at_once < settings.threads


class Scripted(Peers):
    """Peers whose attempts end as listed, without a network."""

    def __init__(self, *ends):
        super().__init__(read(PeerSettings, {"PEERS": "127.0.0.1:1"}))
        self.ends = list(ends)

    def _once(self, *_):
        raise self.ends.pop(0)


def test_a_retry_that_finds_the_door_closed_does_not_make_a_lost_answer_harmless():
    """Otherwise a visitor whose order may exist would be told that nothing was bought."""
    peers = Scripted(TimedOut("silent"), Unavailable("closed"), Unavailable("closed"))
    with pytest.raises(TimedOut):
        Shop(peers).place("k", [("tea-000", 1)], "tok_ok")


def test_doors_that_were_closed_all_along_are_harmless():
    peers = Scripted(*[Unavailable("closed", unsent=True)] * 3)
    with pytest.raises(Unavailable):
        Shop(peers).place("k", [("tea-000", 1)], "tok_ok")
