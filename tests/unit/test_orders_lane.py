"""Who is sent to the lane of a sale's item, and which queue hears of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.common import lane
from services.common.flags import Document, Flags
from services.orders.app import create_app
from services.orders.attempts import PricedLine
from services.orders.checkout import Wanted
from services.orders.orders import Head, Order
from services.relay.outbox import Row
from services.relay.relay import Relay
from services.storefront.shop import Shop
from tests.unit.storefront_fakes import FakePeers

HOT = "pot-020"


class Checkout:
    """Places every order; `asked` keeps what was wanted."""

    def __init__(self) -> None:
        self.asked: list[Wanted] = []

    def check_out(self, _key: str, wanted: Wanted) -> tuple[Order, bool]:
        self.asked.append(wanted)
        lines = tuple(PricedLine(sku, sku, quantity, 1) for sku, quantity in wanted.items)
        return Order(Head("o1", "confirmed", 1, datetime.now(UTC)), lines), True


@pytest.fixture
def checkout() -> Checkout:
    return Checkout()


@pytest.fixture
def browser(checkout: Checkout) -> FlaskClient:
    return create_app(checkout, None, {}, leads_to_lane=lambda skus: HOT in skus).test_client()  # type: ignore[arg-type]


def order(browser: FlaskClient, path: str, *skus: str) -> Any:
    body = {"items": [{"sku": sku, "quantity": 1} for sku in skus], "payment": {"token": "tok_ok"}}
    return browser.post(path, json=body, headers={"Idempotency-Key": "k"})


@pytest.mark.parametrize("basket", [(HOT,), ("tea-001", HOT)])
def test_an_order_with_the_hot_item_is_sent_on_with_nothing_done(
    browser: FlaskClient, checkout: Checkout, basket: tuple[str, ...]
) -> None:
    answer = order(browser, "/api/orders", *basket)
    assert (answer.status_code, answer.headers["Location"], checkout.asked) == (307, lane.PATH, [])


@pytest.mark.parametrize(("path", "sku"), [("/api/orders", "tea-001"), (lane.PATH, HOT), (lane.PATH, "tea-001")])
def test_all_others_are_served_and_the_lane_sends_nobody_away(
    browser: FlaskClient, checkout: Checkout, path: str, sku: str
) -> None:
    answer = order(browser, path, sku)
    assert (answer.status_code, answer.headers["Location"]) == (201, "/api/orders/o1")
    assert [wanted.items for wanted in checkout.asked] == [[(sku, 1)]]


def test_without_a_hot_item_nothing_leads_to_the_lane_and_a_flag_opens_it() -> None:
    flags = Flags([lane.HOT_ITEM])
    leads = lane.following(flags)
    assert not leads([HOT]) and not leads([])
    flags._take(Document(version=1, values={lane.HOT_ITEM.name: HOT}))
    assert leads(["tea-001", HOT]) and not leads(["tea-001"])


@pytest.mark.parametrize(("hot", "path"), [("tea-000", lane.PATH), ("tea-001", "/api/orders")])
def test_a_page_buys_where_its_basket_leads(hot: str, path: str) -> None:
    peers = Places()
    Shop(peers, leads_to_lane=lambda skus: hot in skus).place("k", [("tea-000", 1)], "tok_ok")  # type: ignore[arg-type]
    assert [asked for _, asked, *_ in peers.asked] == [path]


class Places(FakePeers):
    """Knows the lane as well."""

    def __getattr__(self, name: str) -> Any:
        return self.answer_orders if name == "answer_orders-lane" else object.__getattribute__(self, name)


@pytest.mark.parametrize("in_lane", [False, True])
def test_the_relay_says_which_events_are_the_lanes(in_lane: bool) -> None:
    told: list[tuple[Any, ...]] = []

    class Publisher:
        def publish(self, *given: Any) -> None:
            told.append(given)

    relay = Relay(None, Publisher, 0.1)  # type: ignore[arg-type]
    relay.send(Row(1, "order.placed.o1", "order.placed", {}, "r1", in_lane))
    assert told == [("order.placed", b"{}", "order.placed.o1", "r1", in_lane)]
