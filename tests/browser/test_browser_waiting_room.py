"""Standing in line in a real browser: the page moves by itself, and leads to an order; without JavaScript as well."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.patience import settles

pytestmark = pytest.mark.servers
ITEM = "pot-020"
PAGE = f"/sale/{ITEM}"
SIZES = [(390, 844), (1920, 1080)]
CHECKS = Path(__file__).with_name("accessibility.js").read_text()


@pytest.fixture
def sale(shop: Any) -> Iterator[Any]:
    """Twelve pieces for nobody yet."""
    shop.reset()
    shop.start_sale(ITEM, 12, 0.0)
    try:
        yield shop
    finally:
        shop.stop_sale()


def heading(page: Any) -> Any:
    return page.get_by_role("heading", level=1)


@pytest.mark.parametrize("scripts", [True, False])
def test_the_line_moves_by_itself_and_leads_to_an_order(sale: Any, visit: Any, scripts: bool) -> None:
    visit().goto(PAGE)
    page = visit(java_script_enabled=scripts)
    page.goto(PAGE)
    expect(heading(page)).to_have_text("You are in line")
    expect(page.locator("dl")).to_contain_text(re.compile(r"Your number\s*2\s*People before you\s*1"))
    sale.pace_sale(0.2)
    page.wait_for_timeout(1000)  # the room looks twice a second how its sale is
    page.reload()
    expect(page.locator("dd").first).to_have_text("2")
    for ahead in ("1", "0"):
        expect(page.locator("dd").nth(1)).to_have_text(ahead, timeout=60_000)
    expect(heading(page)).to_have_text("It is your turn", timeout=60_000)
    page.get_by_role("button", name="Put one into the basket").click()
    page.get_by_role("link", name="To the checkout").click()
    page.get_by_role("button", name="Buy for").click()
    settles(page)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_page_can_be_read_and_used_by_everybody(sale: Any, visit: Any, colours: str) -> None:
    page = visit(color_scheme=colours, width=360, height=740)
    page.goto(PAGE)
    wrong = page.evaluate(CHECKS)
    sale.pace_sale(10.0)
    expect(heading(page)).to_have_text("It is your turn", timeout=60_000)
    assert wrong == [] == page.evaluate(CHECKS)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_page_of_the_line_fits_a_phone_and_a_projector(sale: Any, visit: Any, width: int, height: int) -> None:
    page = visit(width=width, height=height)
    page.goto(PAGE)
    shows_and_fits(page, "You are in line")
    sale.pace_sale(10.0)
    shows_and_fits(page, "It is your turn")
    sale.restock(ITEM, 0)
    page.wait_for_timeout(1500)  # the room asks once a second what is left
    page.reload()
    shows_and_fits(page, "Sold out")


def shows_and_fits(page: Any, title: str) -> None:
    expect(heading(page)).to_have_text(title, timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_tries_to_pass_the_line_is_led_to_it_and_keeps_the_basket(sale: Any, visit: Any) -> None:
    page = visit()
    page.goto(f"/products/{ITEM}")
    page.get_by_role("button", name="Add to basket").click()
    expect(page.get_by_role("link", name="Basket")).to_contain_text("1")
    page.goto("/checkout")
    page.get_by_role("button", name="Buy for").click()
    expect(heading(page)).to_have_text("You are in line")
    page.goto("/cart")
    expect(page.get_by_role("link", name="Basket")).to_contain_text("1")


def test_when_it_is_over_the_page_says_so_and_later_leads_to_the_product(sale: Any, visit: Any) -> None:
    page = visit()
    page.goto(PAGE)
    sale.restock(ITEM, 0)
    expect(heading(page)).to_have_text("Sold out", timeout=60_000)
    sale.stop_sale()
    page.reload()
    expect(page).to_have_url(re.compile(f"/products/{ITEM}$"))
