"""What a shopper sees while a part of the shop is away: pages with something missing, none that waits for ever.

Playwright's clock moves the timers of a page, and `END` what its style sheet still has in store.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labs.control.client import ShopClient
from tests.browser.patience import settles

pytestmark = pytest.mark.servers
SIZES = [(390, 844), (1280, 720)]
END = "document.getAnimations().forEach(animation => animation.finish())"


@pytest.fixture
def away(healed: ShopClient) -> Iterator[Any]:
    """Take every replica of a service away: `away("catalog")` ends them, `away("catalog", "process_pause")` freezes."""

    def take(service: str, fault: str = "process_kill") -> None:
        for part in healed.status():
            if part["service"] == service:
                healed.set_fault(fault, part["name"])

    yield take


def fill_basket(page: Page) -> None:
    page.request.post("/cart/items", form={"sku": "book-001", "quantity": "2"})


def heading(page: Page) -> Any:
    return page.get_by_role("heading", level=1)


def fits(page: Page) -> bool:
    width: int = page.viewport_size["width"]  # type: ignore[index]
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_skeleton_that_is_never_filled_gives_way_to_a_sentence(visit, width, height):
    page = visit(width=width, height=height)
    page.route("**/fragments/recommendations", lambda _route: None)  # never answered
    page.goto("/products/book-001")
    said = page.get_by_text("cannot say what others like")
    expect(page.locator(".skeleton")).to_be_visible()
    expect(said).not_to_be_visible()
    page.evaluate(END)
    expect(page.locator(".skeleton")).not_to_be_visible()
    expect(said).to_be_visible()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_shop_that_does_not_answer_is_told_to_who_wants_to_put_something_into_the_basket(visit, width, height):
    page = visit(width=width, height=height)
    page.goto("/products/book-001")
    page.context.set_offline(True)
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#said")).to_contain_text("does not answer")
    assert fits(page)
    page.context.set_offline(False)
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#said")).to_contain_text("is in your basket")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_product_whose_stock_and_extras_are_frozen_says_so_and_can_be_put_into_the_basket(visit, away, width, height):
    page = visit(width=width, height=height)
    for service in ("inventory", "recommendations"):
        away(service, "process_pause")
    page.goto("/products/book-001")
    expect(page.get_by_text("cannot count our stock")).to_be_visible()
    expect(page.get_by_text("cannot say what others like")).to_be_visible()
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#said")).to_contain_text("is in your basket")
    assert fits(page)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_without_the_catalogue_the_basket_is_still_there_and_can_be_changed(visit, away, healed, width, height):
    page = visit(width=width, height=height)
    fill_basket(page)
    away("catalog")
    page.goto("/")
    expect(heading(page)).to_have_text("We cannot reach our shelves")
    expect(page.locator("#basket")).to_contain_text("2")
    page.locator("#basket").click()
    expect(page.get_by_text("Names and prices are missing")).to_be_visible()
    page.get_by_label("Pieces of book-001").fill("3")
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_label("Pieces of book-001")).to_have_value("3")
    assert fits(page)
    healed.heal()
    page.get_by_role("link", name="look again").click()
    expect(page.get_by_role("link", name="To the checkout")).to_be_visible()


def test_a_basket_that_is_out_of_reach_comes_back_as_it_was(visit, away, healed):
    page = visit()
    fill_basket(page)
    away("cart", "process_pause")
    page.goto("/cart")
    expect(heading(page)).to_have_text("We cannot reach your basket")
    healed.heal()
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_label("Pieces of")).to_have_value("2")


def test_while_payments_are_slow_the_checkout_says_what_is_known_and_later_buys_once(visit, healed):
    page = visit()
    fill_basket(page)
    healed.set_fault("http_delay", "payments-1", fixedDelay=10, path="/internal/")
    page.goto("/checkout")
    page.get_by_role("button", name="Buy for").click()
    expect(heading(page)).to_have_text(re.compile("We do not know yet|Not bought yet"))
    expect(page.locator("#basket")).to_contain_text("2")
    healed.heal()
    page.wait_for_timeout(5000)
    page.get_by_role("button", name=re.compile("Find out|Try again")).click()
    settles(page)
    assert healed.check() == []


@pytest.mark.parametrize("scripts", [True, False])
def test_the_page_of_an_order_that_nobody_packs_stops_looking_and_says_so(visit, away, healed, scripts):
    page = visit(java_script_enabled=scripts)
    fill_basket(page)
    away("fulfilment")
    page.clock.install()
    page.goto("/checkout")
    page.get_by_role("button", name="Buy for").click()
    settles(page)
    looks: list[str] = []
    page.on("request", lambda request: looks.append(request.url) if "/fragments/orders/" in request.url else None)
    if scripts:
        stops_looking(page, looks)
    stopped = page.get_by_text("looks no more by itself")
    expect(stopped).not_to_be_visible()
    page.evaluate(END)
    expect(stopped).to_be_visible()
    healed.heal()
    page.locator(".in-the-end").get_by_role("link", name="Look again").click()
    expect(heading(page)).to_have_text("Your order is placed")


def stops_looking(page: Page, looks: list[str]) -> None:
    """It looks a few times, anew after the news of its mail, and then no more, however long the page stays open."""
    for _ in range(3):
        an_hour_passes(page)
    few = len(looks)
    assert 1 <= few <= 30
    an_hour_passes(page)
    assert len(looks) == few


def an_hour_passes(page: Page) -> None:
    """Every timer that is set goes off, and what was asked for arrives."""
    page.clock.fast_forward("01:00:00")
    page.wait_for_timeout(700)
