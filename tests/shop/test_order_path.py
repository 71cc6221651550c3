"""One order from the click to the parcel, on the real shop: local processes and containers run the same tests."""

import uuid

import pytest

from labs.control.client import ShopClient
from tests.shop.buying import IN_DOUBT, ask, buy, buy_once, crowd, eventually, stock

pytestmark = pytest.mark.servers


def test_an_order_goes_all_the_way(any_shop: ShopClient) -> None:
    order = buy(any_shop.url)
    assert order.sold
    assert order.body["status"] == "confirmed"
    path = f"/api/orders/{order.body['order_id']}"
    eventually(lambda: ask(any_shop.url, "GET", path).body.get("status") == "shipped")
    letters = f"/api/notifications?order={order.body['order_id']}"
    eventually(lambda: len(ask(any_shop.url, "GET", letters).body.get("items", [])) == 2)


def test_the_same_key_twice_is_one_order_and_one_charge(any_shop: ShopClient) -> None:
    key = uuid.uuid4().hex
    first, second = buy(any_shop.url, key=key), buy(any_shop.url, key=key)
    assert (first.sold, second.status) == (True, 200)
    assert first.body["order_id"] == second.body["order_id"]


def test_a_double_click_is_one_order(any_shop: ShopClient) -> None:
    key = uuid.uuid4().hex
    statuses = crowd(8, lambda: buy(any_shop.url, "tea-002", key=key))
    assert statuses[201] <= 1  # none, if the first answer was lost
    assert statuses[201] + statuses[200] == 8
    assert any_shop.check() == []


def test_the_same_key_with_another_basket_is_refused(any_shop: ShopClient) -> None:
    key = uuid.uuid4().hex
    buy(any_shop.url, key=key)
    assert buy(any_shop.url, quantity=2, key=key).status == 422


def test_a_declined_card_buys_nothing_and_holds_nothing(any_shop: ShopClient) -> None:
    before = stock(any_shop.url, "tea-003")
    assert buy(any_shop.url, "tea-003", token="tok_declined").status == 402
    eventually(lambda: stock(any_shop.url, "tea-003") == before)


def test_what_nobody_sells_cannot_be_bought(any_shop: ShopClient) -> None:
    answer = buy(any_shop.url, "no-such-thing")
    assert answer.status in (404, 409, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_answer_carries_its_request_id_and_the_replica_that_gave_it(any_shop: ShopClient) -> None:
    answer = ask(any_shop.url, "GET", "/api/catalog/products/tea-001", **{"X-Request-Id": "a-test-of-mine"})
    assert answer.headers["x-request-id"] == "a-test-of-mine"
    assert answer.headers["x-served-by"] in {c["name"] for c in any_shop.status() if c["service"] == "catalog"}


def test_what_is_internal_is_not_reachable_from_outside(any_shop: ShopClient) -> None:
    assert ask(any_shop.url, "POST", "/internal/payments/charges", {"key": "x"}).status == 404


def test_two_hundred_buyers_of_the_last_twenty_get_exactly_twenty(any_shop: ShopClient) -> None:
    any_shop.reset()
    left = stock(any_shop.url, "tea-005")["left"]
    while left > 20:
        take = min(99, left - 20)
        assert buy(any_shop.url, "tea-005", take).sold
        left -= take
    statuses = crowd(200, lambda: buy_once(any_shop.url, "tea-005", timeout_s=60))
    told_to_retry = sum(count for status, count in statuses.items() if status in IN_DOUBT)
    after = stock(any_shop.url, "tea-005")
    assert statuses[201] <= 20
    assert statuses[409] + statuses[201] + told_to_retry == 200
    if told_to_retry == 0:  # nobody was left in doubt
        assert statuses[201] == 20
    eventually(lambda: stock(any_shop.url, "tea-005")["reserved"] == 0, within_s=90)
    after = stock(any_shop.url, "tea-005")
    assert after["left"] >= 0 and after["sold"] + after["left"] == after["stock"]
    assert any_shop.check() == []
