"""Standing in line in a real browser: the page moves by itself, and leads to an order; without JavaScript as well."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.servers
ITEM = "pot-020"
PAGE = f"/sale/{ITEM}"
CHECKS = Path(__file__).with_name("accessibility.js").read_text()


@pytest.fixture
def sale(shop: Any) -> Iterator[Any]:
    """Twelve pieces for nobody yet, and two people in line already."""
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
    others = [visit() for _ in range(2)]
    for other in others:
        other.goto(PAGE)
    page = visit(java_script_enabled=scripts)
    page.goto(PAGE)
    expect(heading(page)).to_have_text("You are in line")
    expect(page.locator("dl")).to_contain_text(re.compile(r"Your number\s*3\s*People before you\s*2"))
    page.reload()
    expect(page.locator("dd").first).to_have_text("3")
    sale.pace_sale(0.5)
    expect(heading(page)).to_have_text("It is your turn", timeout=30_000)
    page.get_by_role("button", name="Put one into the basket").click()
    page.get_by_role("link", name="To the checkout").click()
    page.get_by_role("button", name="Buy for").click()
    expect(heading(page)).to_have_text("Your order is placed")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_page_can_be_read_and_used_by_everybody(sale: Any, visit: Any, colours: str) -> None:
    page = visit(color_scheme=colours, width=360, height=740)
    page.goto(PAGE)
    wrong = page.evaluate(CHECKS)
    sale.pace_sale(10.0)
    expect(heading(page)).to_have_text("It is your turn", timeout=30_000)
    assert wrong == [] == page.evaluate(CHECKS)
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
    expect(heading(page)).to_have_text("Sold out", timeout=30_000)
    sale.stop_sale()
    page.reload()
    expect(page).to_have_url(re.compile(f"/products/{ITEM}$"))
