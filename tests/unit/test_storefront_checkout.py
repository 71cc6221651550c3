"""Buying through plain forms, and what the visitor is told when it does not work."""

from dataclasses import replace
from datetime import datetime

import pytest

from compose.gateway.model import Waits
from services.common import deadline
from services.common.errors import Conflict, Forbidden, Refused, TimedOut, TooOften, Unavailable
from services.storefront.orders import LOOKS_S, is_late
from services.storefront.things import Order
from tests.unit.storefront_fakes import a_shop, fields, fill


def form_of(browser, token="tok_ok"):
    return {**fields(browser.get("/checkout").text), "token": token}


def keys_sent(peers):
    return [key for method, path, _, key in peers.asked if (method, path) == ("POST", "/api/orders")]


def test_a_purchase_without_javascript_ends_at_the_order_and_an_empty_basket():
    peers, browser = a_shop()
    fill(browser, pieces=2)
    answer = browser.post("/checkout", data=form_of(browser))
    assert answer.status_code == 303
    assert "Your order is placed" in browser.get(answer.location).text
    assert list(peers.carts.values()) == [{}]


def test_every_form_has_a_key_of_its_own():
    _, browser = a_shop()
    fill(browser)
    assert form_of(browser)["key"] != form_of(browser)["key"]


def test_a_form_sent_twice_is_one_order():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    assert browser.post("/checkout", data=form).location == browser.post("/checkout", data=form).location
    assert len(peers.orders) == 1


def test_a_form_buys_what_it_showed_even_when_the_basket_has_changed():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    fill(browser, "cups-002")
    browser.post("/checkout", data=form)
    [order] = peers.orders.values()
    assert [line["sku"] for line in order["items"]] == ["tea-000"]
    assert list(peers.carts.values()) == [{"cups-002": 1}]


def test_a_form_that_is_sent_again_later_leaves_a_new_basket_alone():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    browser.post("/checkout", data=form)
    assert list(peers.carts.values()) == [{}]
    fill(browser, "cups-002")
    assert browser.post("/checkout", data=form).status_code == 303
    assert list(peers.carts.values()) == [{"cups-002": 1}] and len(peers.orders) == 1


def test_a_declined_card_is_told_and_another_can_be_chosen_under_a_new_key():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser, "tok_declined")
    answer = browser.post("/checkout", data=form)
    assert answer.status_code == 402
    assert "Nothing was bought" in answer.text
    again = fields(answer.text)
    assert again["key"] != form["key"]
    assert browser.post("/checkout", data={**again, "token": "tok_ok"}).status_code == 303
    assert len(peers.orders) == 1


def test_a_declined_card_is_told_even_when_the_catalogue_is_away():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser, "tok_declined")
    peers.failing["/api/catalog"] = Unavailable("away")
    answer = browser.post("/checkout", data=form)
    assert answer.status_code == 402
    assert "Your card was declined" in answer.text


def test_out_of_stock_names_the_item_and_offers_what_is_left():
    peers, browser = a_shop()
    fill(browser, pieces=5)
    form = form_of(browser)
    peers.stock["tea-000"] = 2
    answer = browser.post("/checkout", data=form)
    assert answer.status_code == 409
    assert "The 0th Remarkably Patient Tea" in answer.text
    assert "Take 2 instead" in answer.text


def test_out_of_stock_names_the_item_even_when_nothing_else_is_known():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.stock["tea-000"] = 0
    peers.failing |= {"/api/catalog": Unavailable("away"), "/api/inventory": Unavailable("away")}
    assert "tea-000" in browser.post("/checkout", data=form).text


def test_out_of_stock_without_an_item_is_no_page_about_an_item():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = Conflict("refused before", sku="")
    assert "We do not know yet" in browser.post("/checkout", data=form).text


@pytest.mark.parametrize("cookie", ["\u20ac", "a\nb", "x" * 301])
def test_an_admission_that_the_waiting_room_cannot_have_made_is_none(cookie):
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    browser.set_cookie("admission", cookie)
    assert browser.post("/checkout", data=form).status_code == 303
    assert peers.admission == ""


def test_an_unknown_outcome_is_called_unknown_and_pressing_again_uses_the_same_key():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = TimedOut("silent")
    answer = browser.post("/checkout", data=form)
    assert answer.status_code == 504
    assert "you will not be charged twice" in answer.text
    peers.failing.clear()
    assert browser.post("/checkout", data=fields(answer.text)).status_code == 303
    assert keys_sent(peers) == form["key"] * 2


def test_what_was_surely_not_bought_says_so_and_can_be_tried_again():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = Unavailable("away")
    answer = browser.post("/checkout", data=form)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "Nothing was bought" in answer.text and "by this press" in answer.text
    assert fields(answer.text)["key"] == form["key"]


def test_all_that_a_purchase_asks_for_ends_before_the_gateway_stops_waiting():
    peers, browser = a_shop()
    fill(browser)
    form, left, answer = form_of(browser), [], peers.call

    def call(*args, **options):
        left.append(deadline.left_s())
        return answer(*args, **options)

    peers.call = call
    browser.post("/checkout", data=form)
    assert len(left) == 3 and all(0 < each < Waits().read_s for each in left)


def test_a_full_warehouse_says_that_nothing_was_bought_and_when_to_press_again():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = Unavailable("full", retry_after_s=7)
    html = browser.post("/checkout", data=form).text
    assert "Nothing was bought" in html and "in about 7 seconds" in html


def test_a_busy_shop_does_not_blame_the_warehouse():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = Refused("too much to do", by="shedding", retry_after_s=3)
    html = browser.post("/checkout", data=form).text
    assert "Nothing was bought" in html and "at this moment: press again in about 3 seconds" in html
    assert "pack" not in html


def test_whoever_tries_too_often_hears_that_nothing_was_bought_and_when_to_press_again():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = TooOften("slow down", retry_after_s=7)
    answer = browser.post("/checkout", data=form)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert "Nothing was bought" in answer.text and "in about 7 seconds" in answer.text
    assert fields(answer.text)["key"] == form["key"]


def test_the_order_book_hears_whose_cart_it_is():
    peers, browser = a_shop()
    fill(browser)
    browser.post("/checkout", data=form_of(browser))
    [cart] = peers.carts
    assert cart and peers.cookies["/api/orders"] == f"cart={cart}"


def test_a_doubt_stays_a_doubt_until_the_order_book_has_answered():
    """A 503 says that this very attempt did not happen; an earlier one may have."""
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = TimedOut("silent")
    first = browser.post("/checkout", data=form)
    peers.failing["/api/orders"] = Unavailable("away")
    second = browser.post("/checkout", data=fields(first.text))
    assert "We do not know yet" in second.text
    assert "Nothing was bought" not in second.text


def test_a_used_form_with_another_card_buys_nothing():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    browser.post("/checkout", data=form)
    answer = browser.post("/checkout", data={**form, "token": "tok_declined"})
    assert answer.status_code == 422
    assert len(peers.orders) == 1


@pytest.mark.parametrize(
    "wrong", [{"key": "short"}, {"item": "tea-000"}, {"item": "tea-000:100"}, {"item": "../x:1"}, {"token": "visa"}]
)
def test_a_form_that_the_shop_did_not_make_is_refused(wrong):
    peers, browser = a_shop()
    fill(browser)
    assert browser.post("/checkout", data={**form_of(browser), **wrong}).status_code == 422
    assert not peers.orders


def test_an_order_stands_even_when_the_basket_cannot_be_emptied():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/cart"] = Unavailable("away")
    assert browser.post("/checkout", data=form).status_code == 303


def test_the_checkout_of_an_empty_basket_leads_to_the_basket():
    _, browser = a_shop()
    assert browser.get("/checkout").location == "/cart"


def an_order(peers, browser):
    fill(browser)
    return browser.post("/checkout", data=form_of(browser)).location.removeprefix("/orders/")


def test_the_order_page_shows_what_would_have_been_mailed():
    peers, browser = a_shop()
    html = browser.get(f"/orders/{an_order(peers, browser)}").text
    assert "We have your order" in html
    assert "27 November 2026, 10:00:00 UTC" in html


def test_the_order_page_says_when_a_parcel_that_has_to_wait_was_promised():
    peers, browser = a_shop()
    order_id = an_order(peers, browser)
    assert "being packed" in browser.get(f"/orders/{order_id}").text
    peers.orders[order_id]["promised_for"] = "2026-11-27T10:00:08Z"
    assert "packed at about" in browser.get(f"/orders/{order_id}").text
    assert "27 November 2026, 10:00:08 UTC" in browser.get(f"/orders/{order_id}").text


def test_the_order_page_works_without_notifications_and_catalogue():
    peers, browser = a_shop()
    order_id = an_order(peers, browser)
    peers.failing |= {"/api/notifications": TimedOut("silent"), "/api/catalog": Unavailable("away")}
    html = browser.get(f"/orders/{order_id}").text
    assert "Your order is placed" in html
    assert "Your order is safe" in html


def test_progress_is_silent_while_nothing_is_new_and_ends_when_all_was_told():
    peers, browser = a_shop()
    order_id = an_order(peers, browser)
    assert browser.get(f"/fragments/orders/{order_id}?seen=confirmed-1").status_code == 204
    peers.ship(order_id)
    news = browser.get(f"/fragments/orders/{order_id}?seen=confirmed-1")
    assert "on its way" in news.text
    assert "hx-get" not in news.text


def test_a_look_that_cannot_see_the_messages_is_no_news():
    peers, browser = a_shop()
    order_id = an_order(peers, browser)
    peers.failing["/api/notifications"] = TimedOut("silent")
    assert browser.get(f"/fragments/orders/{order_id}?seen=confirmed-1").status_code == 204
    peers.orders[order_id]["status"] = "shipped"
    assert browser.get(f"/fragments/orders/{order_id}?seen=confirmed-1").status_code == 200


def test_a_shipped_order_is_watched_until_its_message_is_there_too():
    peers, browser = a_shop()
    order_id = an_order(peers, browser)
    peers.orders[order_id]["status"] = "shipped"
    assert "hx-get" in browser.get(f"/orders/{order_id}").text


def test_a_cancelled_order_is_not_called_placed():
    peers, browser = a_shop()
    order_id = an_order(peers, browser)
    peers.orders[order_id]["status"] = "cancelled"
    html = browser.get(f"/orders/{order_id}").text
    assert "Your order is placed" not in html
    assert "Order cancelled" in html


def test_who_orders_the_item_of_a_sale_before_their_turn_is_led_to_the_waiting_room_with_the_basket_as_it_was():
    peers, browser = a_shop()
    peers.on_sale = "tea-000"
    fill(browser)
    answer = browser.post("/checkout", data=form_of(browser))
    assert (answer.status_code, answer.location) == (303, "/sale/tea-000")
    assert not peers.orders and list(peers.carts.values()) == [{"tea-000": 1}]


def test_whose_turn_it_is_buys_with_the_admission_in_the_cookie():
    peers, browser = a_shop()
    peers.on_sale = "tea-000"
    fill(browser)
    browser.set_cookie("admission", "an admission")
    assert browser.post("/checkout", data=form_of(browser)).location.startswith("/orders/")


def test_the_address_of_a_waiting_room_that_is_not_there_leads_to_the_product():
    _, browser = a_shop()
    assert browser.get("/sale/tea-000").location == "/products/tea-000"


def test_a_page_left_open_looks_a_few_times_more_and_the_style_sheet_says_when_it_has_stopped():
    peers, browser = a_shop()
    html = browser.get(f"/orders/{an_order(peers, browser)}").text
    assert html.count("hx-get") == len(LOOKS_S)
    assert "every" not in html and "in-the-end" in html


def test_an_order_that_is_packed_late_is_called_late_and_nobody_is_kept_waiting():
    peers, browser = a_shop()
    order_id = an_order(peers, browser)
    peers.orders[order_id]["placed_at"] = "2020-11-27T10:00:00Z"
    html = browser.get(f"/orders/{order_id}").text
    assert "takes longer than it should" in html and "Your order is paid and stands" in html
    assert "hx-get" not in html and "being packed" not in html


def test_late_is_counted_from_what_was_promised():
    order = Order("1", "confirmed", 100, [], placed_at="2026-11-27T10:00:00Z")
    at = datetime.fromisoformat("2026-11-27T10:02:00Z").timestamp()
    assert is_late(order, at)
    assert not is_late(replace(order, promised_for="2026-11-27T10:01:30Z"), at)
    assert not is_late(replace(order, status="shipped"), at)


def test_news_of_an_order_that_became_late_end_the_looking():
    peers, browser = a_shop()
    order_id = an_order(peers, browser)
    peers.orders[order_id]["placed_at"] = "2020-11-27T10:00:00Z"
    news = browser.get(f"/fragments/orders/{order_id}?seen=confirmed-1")
    assert news.status_code == 200 and "hx-get" not in news.text


def test_who_wants_more_than_a_turn_is_for_is_told_what_to_change():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = Forbidden("one piece", why="too-many")
    answer = browser.post("/checkout", data=form)
    assert answer.status_code == 403 and "change your cart to one piece" in answer.text


def test_who_has_bought_with_their_turn_is_told_so_instead_of_standing_in_line_again():
    peers, browser = a_shop()
    fill(browser)
    form = form_of(browser)
    peers.failing["/api/orders"] = Forbidden("used", why="used", waiting_room="/sale/tea-000")
    answer = browser.post("/checkout", data=form)
    assert answer.status_code == 403
    assert "One order for each turn" in answer.text and "that order stands" in answer.text
