"""Every page: how much it loads, whether it fits a phone, whether everybody can read and use it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.patience import settles

pytestmark = pytest.mark.servers

SKU = "book-001"
PAGES = ["/", "/?category=books", "/?q=nothing-at-all", f"/products/{SKU}", "/cart", "/checkout", "/nowhere"]
CHECKS = Path(__file__).with_name("accessibility.js").read_text()


def ready(page: Page, address: str) -> None:
    page.goto(address, wait_until="networkidle")


def fill_basket(page: Page) -> None:
    page.request.post("/cart/items", form={"sku": SKU, "quantity": "1"})


def order_of(page: Page) -> str:
    """Buy, and give the address of the order's page."""
    fill_basket(page)
    page.goto("/checkout")
    page.get_by_role("button", name="Buy for").click()
    settles(page)
    return page.url


def every_page(page: Page) -> list[str]:
    """All addresses; the basket has something in it while they are visited."""
    addresses = [*PAGES, order_of(page)]
    fill_basket(page)
    return addresses


@pytest.mark.parametrize("address", ["/", f"/products/{SKU}", "/cart", "/checkout", "/nowhere"])
def test_a_first_visit_is_at_most_10_requests_and_100_kilobytes_before_compression(visit, address):
    page = visit()
    if address == "/checkout":
        fill_basket(page)
    loaded = []
    page.on("requestfinished", lambda request: loaded.append(request))
    ready(page, address)
    assert len(loaded) <= 10, [request.url for request in loaded]
    assert sum(len(request.response().body()) for request in loaded) < 100_000


def test_a_second_visit_loads_no_static_file_again(visit):
    page = visit()
    ready(page, "/")
    static = []
    page.on("response", lambda answer: static.append(answer) if "/static/" in answer.url else None)
    ready(page, f"/products/{SKU}")
    sent = [answer.url for answer in static if answer.request.sizes()["responseBodySize"] > 0]
    assert sent == []


@pytest.mark.parametrize("width", [320, 390, 1280, 1920])
def test_no_page_has_to_be_moved_sideways(visit, width):
    page = visit(width=width)
    for address in every_page(page):
        ready(page, address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, (address, wide)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_named_and_reached(visit, scheme):
    """Contrast of every text (WCAG AA), names of fields, links and buttons, one h1, one main, headings in order."""
    page = visit(color_scheme=scheme)
    for address in every_page(page):
        ready(page, address)
        assert page.evaluate(CHECKS) == [], address


def test_who_wants_no_motion_gets_none(visit):
    page = visit()
    page.route("**/fragments/recommendations", lambda _route: None)  # never answered: the skeleton stays
    page.goto("/")
    assert page.evaluate("getComputedStyle(document.querySelector('.skeleton li')).animationName") == "none"


def test_a_projector_gets_bigger_letters(visit):
    def letters(width: int) -> float:
        page = visit(width=width, height=1080)
        page.goto("/")
        size: str = page.evaluate("getComputedStyle(document.body).fontSize")
        return float(re.sub("px", "", size))

    assert letters(1920) >= 20 > letters(390) >= 16
