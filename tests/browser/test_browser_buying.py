"""Buying something in a real browser: with JavaScript, without, by keyboard alone, twice at once."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.patience import settles

pytestmark = pytest.mark.servers

SKU = "tea-001"
NAME = "Morning Harbour Breakfast"


def left(page: Page) -> int:
    document: dict[str, Any] = page.request.get(f"/api/inventory/{SKU}").json()
    return int(document["left"])


def heading(page: Page) -> Any:
    return page.get_by_role("heading", level=1)


def fill_basket(page: Page) -> None:
    page.goto(f"/products/{SKU}")
    page.get_by_role("button", name="Add to basket").click()
    expect(page.get_by_role("link", name="Basket")).to_contain_text("1")


def test_with_javascript_the_page_stays_and_the_order_ships_by_itself(visit):
    page = visit()
    page.goto("/")
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name=f"Add to basket {NAME}").first.click()
    expect(page.locator("#said")).to_contain_text("is in your basket")
    assert page.evaluate("window.stayed")
    page.get_by_role("link", name="Look at it").click()
    page.get_by_role("link", name="To the checkout").click()
    page.get_by_role("button", name="Buy for").click()
    settles(page)
    expect(page.locator("#progress")).to_contain_text("on its way", timeout=30_000)


def test_without_javascript_forms_and_reloads_buy_the_same(visit):
    page = visit(java_script_enabled=False)
    page.goto("/?q=breakfast")
    page.get_by_role("link", name=NAME).first.click()
    page.get_by_label("Pieces").fill("2")
    page.get_by_role("button", name="Add to basket").click()
    expect(heading(page)).to_have_text("Your basket")
    expect(page.get_by_label(f"Pieces of {NAME}")).to_have_value("2")
    page.get_by_role("link", name="To the checkout").click()
    page.get_by_role("button", name="Buy for").click()
    settles(page)
    page.reload()
    expect(heading(page)).to_have_text("Your order is placed")


def test_without_javascript_nothing_waits_for_it(visit):
    page = visit(java_script_enabled=False)
    page.goto("/")
    expect(page.locator(".skeleton")).not_to_be_visible()


def test_a_double_click_buys_once(visit):
    page = visit()
    before = left(page)
    fill_basket(page)
    page.goto("/checkout")
    page.get_by_role("button", name="Buy for").dblclick()
    settles(page)
    assert before - left(page) == 1


def test_going_back_and_buying_again_leads_to_the_same_order(visit):
    page = visit(java_script_enabled=False)
    page.goto(f"/products/{SKU}")
    page.get_by_role("button", name="Add to basket").click()
    page.goto("/checkout")
    form = {"key": page.locator("input[name=key]").input_value(), "item": f"{SKU}:1", "token": "tok_ok"}
    page.get_by_role("button", name="Buy for").click()
    settles(page)
    again = page.request.post("/checkout", form=form)
    assert again.url == page.url


def test_a_declined_card_is_told_and_another_one_works(visit):
    page = visit()
    fill_basket(page)
    page.goto("/checkout")
    page.get_by_label("A card that is declined").check()
    page.get_by_role("button", name="Buy for").click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    page.get_by_label("A card that works").check()
    page.get_by_role("button", name="Buy for").click()
    settles(page)


def tab_to(page: Page, text: str, key: str = "Tab") -> None:
    """Press Tab until what has the focus says `text`, and see that the focus shows."""
    for _ in range(80):
        page.keyboard.press(key)
        focused = page.evaluate("(e => e.textContent + (e.name ?? '') + ' ' + (e.value ?? ''))(document.activeElement)")
        if text in focused:
            width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
            assert width >= 2, f"the focus on {text} does not show"
            return
    raise AssertionError(f"{text} cannot be reached by keyboard")


def test_the_keyboard_alone_is_enough(visit):
    page = visit()
    page.goto(f"/products/{SKU}")
    tab_to(page, "Skip to the content")
    page.keyboard.press("Enter")
    tab_to(page, "Add to basket")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("is in your basket")
    tab_to(page, "Look at it", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Your basket")
    tab_to(page, "To the checkout")
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Checkout")
    tab_to(page, "tok_ok")
    tab_to(page, "Buy for")
    page.keyboard.press("Enter")
    settles(page)


def test_the_search_answers_while_typing_and_can_be_bookmarked(visit):
    page = visit()
    page.goto("/")
    page.evaluate("window.stayed = true")
    page.get_by_label("Search the shelves").press_sequentially("speckled", delay=20)
    expect(page.locator("#found")).to_contain_text("found for “speckled”")
    expect(page.locator(".card").first).to_contain_text("Speckled")
    assert page.evaluate("window.stayed")
    assert "q=speckled" in page.url


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_recommendations_that_the_gateway_refuses_leave_without_a_word(visit, status):
    page = visit()
    page.route("**/fragments/recommendations", lambda route: route.fulfill(status=status, body="<h1>Gateway</h1>"))
    page.goto(f"/products/{SKU}")
    expect(page.locator(".liked-body")).to_have_count(0)
    assert page.get_by_text("Gateway").count() == 0


def test_a_basket_that_the_gateway_refuses_shows_the_gateways_page(visit):
    page = visit()
    whole = "<!doctype html><html><body><main><h1>Come back in a moment</h1></main></body></html>"
    page.route("**/cart/items", lambda route: route.fulfill(status=503, content_type="text/html", body=whole))
    page.goto(f"/products/{SKU}")
    page.get_by_role("button", name="Add to basket").click()
    expect(heading(page)).to_have_text("Come back in a moment")
