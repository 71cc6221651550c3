"""What a shopper sees on the biggest day: a banner, lite pages, and a shop that is full for a moment."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labs.control.client import ShopClient
from labs.load import constant, start_load
from tests.browser.patience import settles

pytestmark = pytest.mark.servers
SIZES = [(390, 844), (1280, 720)]


@pytest.fixture
def switch(shop: ShopClient) -> Iterator[Any]:
    """Set a flag of the storefront, until the test is over."""
    names: set[str] = set()

    def to(name: str, value: object) -> None:
        names.add(name)
        shop.set_flag(f"storefront.{name}", value)

    yield to
    for name in names:
        shop.set_flag(f"storefront.{name}", "default")


def arrives(page: Page, selector: str, present: bool = True) -> None:
    """Every replica follows within a second: load the page until each has had its turn."""
    for _ in range(4):
        page.reload()
        expect(page.locator(selector)).to_have_count(1 if present else 0, timeout=100)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_banner_is_read_on_every_page_and_pushes_nothing_off_it(visit, switch, width, height):
    switch("banner", "Many people are here today: parcels take a day longer")
    page = visit(width=width, height=height)
    page.goto("/")
    page.wait_for_timeout(1000)
    arrives(page, ".banner")
    for address in ("/", "/products/book-001", "/cart"):
        page.goto(address)
        expect(page.locator(".banner")).to_have_text("Many people are here today: parcels take a day longer")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_with_the_extras_switched_off_a_page_leaves_them_out_and_is_whole_otherwise(visit, switch, width, height):
    page = visit(width=width, height=height)
    page.goto("/products/book-001")
    expect(page.get_by_role("heading", name="What others take home")).to_be_visible()
    switch("extras", False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    arrives(page, ".liked", present=False)
    assert not any("recommendations" in url for url in asked)
    expect(page.locator("main .frame")).to_be_visible()
    expect(page.get_by_text("in stock")).to_be_visible()
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#said")).to_contain_text("in your basket")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_lite_page_still_sells(visit, switch):
    switch("lite", True)
    page = visit()
    page.goto("/")
    page.wait_for_timeout(1000)
    arrives(page, ".skeleton", present=False)
    page.goto("/products/book-001")
    expect(page.locator("main svg, main img")).to_have_count(0)
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#said")).to_contain_text("in your basket")
    page.goto("/checkout")
    page.get_by_role("button", name="Buy for").click()
    settles(page)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_shop_that_is_full_says_so_and_lets_people_in_again_by_itself(visit, healed, width, height):
    page = visit(width=width, height=height)
    healed.set_flag("gateway.health_checks", "off")
    for replica in ("storefront-1", "storefront-2"):
        healed.set_fault("http_delay", replica, fixedDelay=2.0, path="/products/")  # eight a second can be served
    with start_load(healed.url, constant(40, 120), "pages"):
        full = page.get_by_role("heading", level=1, name="The shop is full right now")
        for _ in range(20):  # until the queue is long enough
            page.goto("/products/book-001")
            if full.count():
                break
        expect(full).to_be_visible()
        expect(page.get_by_text("asks again by itself")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        healed.heal()
    expect(page.get_by_role("button", name="Add to basket")).to_be_visible(timeout=60_000)  # it asks after 2 to 5 s
    healed.set_flag("gateway.health_checks", "default")
