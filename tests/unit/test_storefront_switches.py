"""What the storefront's switches do to its pages."""

import pytest
from flask.testing import FlaskClient

from services.common.errors import TimedOut
from services.common.flags import Flags
from services.storefront.app import create_app
from services.storefront.flags import FLAGS
from services.storefront.shop import Shop
from services.storefront.switches import Switches, following
from tests.unit.storefront_fakes import FakePeers, fill

PAGES = ("/", "/products/tea-000", "/cart", "/nowhere")


def a_shop(**switched: object) -> tuple[FakePeers, FlaskClient]:
    peers = FakePeers()
    return peers, create_app(Shop(peers), lambda: Switches(**switched)).test_client()


def test_without_a_flag_set_pages_have_extras_and_pictures_and_no_banner() -> None:
    assert following(Flags(FLAGS, []))() == Switches(extras=True, lite=False, banner="")
    _, browser = a_shop()
    home = browser.get("/").text
    assert "/fragments/recommendations" in home and "<use href" in home and 'class="banner"' not in home


def test_a_banner_stands_on_every_page_and_is_text() -> None:
    _, browser = a_shop(banner="Orders ship <b>tomorrow</b>")
    for path in PAGES:
        assert "Orders ship &lt;b&gt;tomorrow&lt;/b&gt;" in browser.get(path).text


def test_the_kill_switch_takes_extras_out_of_pages_and_out_of_what_is_asked() -> None:
    peers, browser = a_shop(extras=False)
    for path in PAGES:
        assert "/fragments/recommendations" not in browser.get(path).text
    answer = browser.get("/fragments/recommendations")  # from a page that was loaded before
    assert (answer.status_code, answer.text) == (200, "")
    assert not any("/recommendations" in path for _, path, *_ in peers.asked)


def test_a_lite_page_shows_and_sells_everything_and_asks_for_nothing_else() -> None:
    peers, browser = a_shop(extras=False, lite=True)
    fill(browser)
    peers.asked.clear()
    home, product = browser.get("/").text, browser.get("/products/tea-000").text
    assert [path.split("?")[0] for _, path, *_ in peers.asked] == [
        "/api/catalog/products",
        "/api/catalog/products/tea-000",
    ]
    assert all('action="/cart/items"' in page and "€4.50" in page for page in (home, product))
    assert 'class="grid"' in home and "cannot count" not in product


def test_a_lite_page_has_no_pictures_of_products_and_searches_only_when_told_to() -> None:
    lite, full = (a_shop(lite=lite, extras=not lite)[1].get("/").text for lite in (True, False))
    assert lite.count("<use href") == 1  # the wordmark's cup
    assert "hx-trigger" in full and "hx-trigger" not in lite and "<button>Search</button>" in lite


def test_lite_pages_have_no_extras_whatever_their_own_switch_says() -> None:
    flags = Flags(FLAGS, [])
    flags._values = flags._values | {"storefront.lite": True}
    assert following(flags)() == Switches(extras=False, lite=True)


@pytest.mark.parametrize("part", ["/api/inventory", "/api/recommendations"])
def test_without_fallbacks_a_product_needs_stock_and_recommendations_and_brings_them_along(part: str) -> None:
    peers, browser = a_shop(fallbacks=False)
    html = browser.get("/products/tea-000").text
    assert html.count('class="strip"') == 1 and "/fragments/recommendations" not in html
    peers.failing[part] = TimedOut("silent")
    answer = browser.get("/products/tea-000")
    assert answer.status_code == 503 and "that this page needs" in answer.text
