"""Best sellers while orders and the catalogue come and go."""

import math
import threading
import time

import pytest

from services.common import deadline
from services.common.errors import NotFound, ShopError, TimedOut, Unavailable
from services.recommendations.app import create_app
from services.recommendations.best_sellers import BestSellers


def card(sku: str) -> dict:
    return {"sku": sku, "name": sku.upper(), "price_cents": 100, "category": "tea", "image": f"/{sku}.svg"}


class FakePeers:
    """Orders and the catalogue; a service in `down` fails with TimedOut."""

    def __init__(self) -> None:
        self.sold: list[str] = []
        self.shelf = [f"tea-{i:03}" for i in range(1, 25)]
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.patience_s: list[float] = []
        self.gate = threading.Event()
        self.gate.set()

    def get(self, path: str, *, total_s: float | None = None):
        self.asked.append(path)
        self.patience_s.append(deadline.left_s())
        assert total_s is not None and 0.1 <= total_s <= 0.5
        self.gate.wait(10)
        service = path.split("/")[2]
        if service in self.down:
            raise TimedOut(f"{service} is down")
        if service == "orders":
            return {"items": [{"sku": sku, "sold": 3} for sku in self.sold]}
        if "?" in path:
            return {"items": [card(sku) for sku in self.shelf]}
        if (sku := path.rpartition("/")[2]) not in self.shelf:
            raise NotFound(sku)
        return {**card(sku), "description": "d"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def peers() -> FakePeers:
    return FakePeers()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def best(peers, clock) -> BestSellers:
    return BestSellers(peers, every_s=5, first_wait_s=5, clock=clock)


def top(best: BestSellers, limit: int = 3) -> list[str]:
    return [item.sku for item in best.top(limit)]


def later(best: BestSellers, clock: Clock) -> None:
    """A period passes, and the refresh it causes has ended."""
    clock.now += 6
    best.top(1)
    assert best._refreshed.wait(10)


def test_while_nobody_has_bought_anything_the_first_products_are_shown(best):
    assert top(best) == ["tea-001", "tea-002", "tea-003"]


def test_what_sold_comes_first_and_is_not_shown_twice(best, peers):
    peers.sold = ["tea-009", "tea-002"]
    assert top(best, 5) == ["tea-009", "tea-002", "tea-001", "tea-003", "tea-004"]


def test_the_others_are_asked_at_most_once_in_five_seconds(best, peers, clock):
    top(best)
    asked = len(peers.asked)
    for _ in range(50):
        top(best)
    assert len(peers.asked) == asked
    later(best, clock)
    assert len(peers.asked) > asked


@pytest.mark.parametrize("down", [{"orders"}, {"catalog"}, {"orders", "catalog"}])
def test_the_last_known_answer_is_kept_while_the_others_are_down(best, peers, clock, down):
    peers.sold = ["tea-009"]
    before = top(best)
    peers.down = down
    later(best, clock)
    assert top(best) == before


def test_without_orders_the_catalogue_is_enough(best, peers):
    peers.down = {"orders"}
    assert top(best) == ["tea-001", "tea-002", "tea-003"]


def test_a_product_that_is_no_longer_sold_is_left_out(best, peers):
    peers.sold = ["gone-001", "tea-005"]
    assert top(best, 2) == ["tea-005", "tea-001"]


def test_while_the_others_hang_nobody_waits_for_them(best, peers, clock):
    top(best)
    peers.gate.clear()
    clock.now += 6
    started = time.monotonic()
    assert top(best) == ["tea-001", "tea-002", "tea-003"]
    assert time.monotonic() - started < 3
    peers.gate.set()


def test_while_nothing_is_known_a_caller_waits_only_briefly(peers):
    peers.gate.clear()
    best = BestSellers(peers, first_wait_s=0.01)
    with pytest.raises(Unavailable):
        best.top(1)
    peers.gate.set()


def test_over_http_unknown_is_503_and_not_ready_and_later_200(peers):
    peers.down = {"orders", "catalog"}
    best = BestSellers(peers, every_s=0.01, first_wait_s=5)
    client = create_app(best, {"best sellers": lambda: best.top(1)}).test_client()
    assert client.get("/api/recommendations/best-sellers").status_code == 503
    assert client.get("/readyz").status_code == 503
    peers.down = set()
    time.sleep(0.02)
    assert len(client.get("/api/recommendations/best-sellers").json["items"]) == 4
    assert client.get("/api/recommendations/best-sellers?limit=13").status_code == 422


def test_an_error_of_the_others_is_never_the_callers(peers, clock, best):
    top(best)
    for error in ShopError.__subclasses__():
        peers.get = lambda *_a, error=error, **_k: (_ for _ in ()).throw(error("no"))
        later(best, clock)
        assert len(top(best)) == 3


def test_what_is_asked_for_everybody_has_more_time_than_the_first_one_who_wants_it(best, peers):
    deadline.obey({"HTTP_X_TIME_LEFT_MS": "5000"})
    top(best)
    assert set(peers.patience_s) == {math.inf}
    assert deadline.left_s() <= 5
    deadline.forget()
