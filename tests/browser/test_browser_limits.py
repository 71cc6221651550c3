"""What a visitor sees who asks too often: at the gateway, and at the checkout."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from labs.control.client import ShopClient

pytestmark = pytest.mark.servers
SIZES = [(390, 844), (1280, 720)]


@pytest.fixture
def switch(shop: ShopClient) -> Iterator[Any]:
    """Set a flag until the test is over."""
    names: set[str] = set()

    def to(name: str, value: object) -> None:
        names.add(name)
        shop.set_flag(name, value)

    yield to
    for name in names:
        shop.set_flag(name, "default")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_who_asks_too_often_reads_so_and_is_let_in_again_a_moment_later(visit, switch, width, height):
    page = visit(width=width, height=height)
    switch("gateway.rate_per_s", 1)
    switch("gateway.rate_burst", 2)
    switch("gateway.rate_limits", "everybody")  # this machine's browser as well
    for _ in range(10):
        for _ in range(8):  # quicker than a page loads
            page.request.get("/cart")
        answer = page.goto("/cart")
        if answer.status == 429:
            break
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    expect(page.get_by_role("heading", level=1)).to_have_text("One moment, please")
    expect(page.get_by_text("This one was not processed")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_timeout(2500)
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your basket")


def test_who_tries_to_buy_too_often_reads_that_nothing_was_bought_and_when_to_press_again(visit, switch):
    page = visit()
    switch("orders.rate_limit", 1)
    page.goto("/products/tea-001")
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#said")).to_contain_text("in your basket")
    for _ in range(2):
        page.goto("/checkout")
        page.get_by_label("declined").check()
        page.get_by_role("button", name="Buy for").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not bought yet")
    expect(page.get_by_text("more often than one shopper")).to_be_visible()
