"""The pages, without a browser: plain requests and forms, as a visitor without JavaScript sends them."""

import pytest

from services.common import telemetry
from services.common.errors import TimedOut, TooOften, Unavailable
from services.common.shedding import Overloaded
from tests.unit.storefront_fakes import a_shop, fill

FAILURES = [Unavailable("away"), TimedOut("silent")]


def test_the_shelves_show_a_page_of_products_and_the_way_to_the_next():
    _, browser = a_shop()
    html = browser.get("/").text
    assert html.count('<li class="card">') == 24
    assert "page=2" in html


def test_the_way_to_the_next_page_keeps_the_search():
    _, browser = a_shop()
    assert "/?q=The&amp;category=&amp;page=2" in browser.get("/?q=The").text


@pytest.mark.parametrize("page", ["0", "-3", "many", "99999999999"])
def test_a_page_number_that_makes_no_sense_still_shows_shelves(page):
    _, browser = a_shop()
    assert browser.get(f"/?page={page}").status_code == 200


def test_what_a_visitor_types_is_never_markup():
    _, browser = a_shop()
    assert "<script>alert" not in browser.get("/?q=<script>alert(1)</script>").text


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/api/storefront/nothing", "*/*"),
        ("/api", "*/*"),
        ("/nothing", "application/json"),
        ("/products/nothing", "application/problem+json"),
    ],
)
def test_a_program_gets_a_problem_document_instead_of_a_page(path, accept):
    _, browser = a_shop()
    answer = browser.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "image/svg+xml"])
def test_everybody_else_gets_a_page(accept):
    _, browser = a_shop()
    assert browser.get("/nothing", headers={"Accept": accept}).mimetype == "text/html"


def test_a_product_page_works_without_inventory():
    peers, browser = a_shop()
    peers.failing["/api/inventory"] = TimedOut("silent")
    answer = browser.get("/products/tea-000")
    assert answer.status_code == 200
    assert "cannot count our stock" in answer.text and "is seen when you buy" in answer.text


def test_a_sold_out_product_cannot_be_put_into_the_basket():
    peers, browser = a_shop()
    peers.stock["tea-000"] = 0
    assert 'class="add"' not in browser.get("/products/tea-000").text


@pytest.mark.parametrize("path", ["/products/nope", "/products/NO..PE", "/orders/nope", "/nowhere"])
def test_what_is_not_there_is_a_friendly_404(path):
    _, browser = a_shop()
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "To the shelves" in answer.text


@pytest.mark.parametrize("error", FAILURES)
@pytest.mark.parametrize(
    ("part", "path", "words"),
    [
        ("/api/catalog", "/", "cannot reach our shelves"),
        ("/api/catalog", "/products/tea-000", "cannot reach our shelves"),
        ("/api/cart", "/cart", "cannot reach your basket"),
        ("/api/cart", "/checkout", "cannot reach your basket"),
        ("/api/orders", "/orders/1", "cannot look into the order book"),
    ],
)
def test_a_part_that_is_away_is_a_friendly_503(error, part, path, words):
    peers, browser = a_shop()
    fill(browser)
    peers.failing[part] = error
    answer = browser.get(path)
    assert answer.status_code == 503
    assert words in answer.text
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("error", FAILURES)
def test_without_the_catalogue_the_basket_is_shown_and_can_be_changed_and_only_buying_waits(error):
    peers, browser = a_shop()
    fill(browser, pieces=3)
    peers.failing["/api/catalog"] = error
    html = browser.get("/cart").text
    assert "Names and prices are missing" in html and 'value="3"' in html and 'class="count">3' in html
    assert "€" not in html and "no longer sold" not in html and 'href="/checkout"' not in html
    assert browser.get("/checkout").location == "/cart"
    browser.post("/cart/items/tea-000", data={"quantity": "2"})
    peers.failing.clear()
    assert 'value="2"' in browser.get("/cart").text


def test_an_error_page_offers_to_look_again_at_what_was_read_and_never_to_send_again_what_was_sent():
    peers, browser = a_shop()
    fill(browser)
    peers.failing["/api/cart"] = TimedOut("silent")
    assert "Look again</a>" in browser.get("/cart").text
    sent = browser.post("/cart/items", data={"sku": "tea-000", "quantity": "2"}).text
    assert "Look again</a>" not in sent and "go back and try again" in sent


def test_a_cart_that_is_away_costs_the_shelves_only_a_number():
    peers, browser = a_shop()
    fill(browser, pieces=3)
    assert 'class="count">3' in browser.get("/").text
    peers.failing["/api/cart"] = Unavailable("away")
    assert 'class="count"' not in browser.get("/").text


@pytest.mark.parametrize("error", FAILURES)
def test_recommendations_that_fail_say_so_quietly(error):
    peers, browser = a_shop()
    peers.failing["/api/recommendations"] = error
    answer = browser.get("/fragments/recommendations")
    assert answer.status_code == 200
    assert "cannot say what others like" in answer.text


def test_a_page_that_is_refused_because_too_many_came_asks_again_by_itself():
    peers, browser = a_shop()
    peers.failing["/api/catalog"] = Overloaded("too much to do", by="shedding", retry_after_s=4)
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "4")
    assert '<meta http-equiv="refresh" content="4">' in answer.text and "The shop is full" in answer.text


def test_what_was_posted_to_a_full_shop_is_not_posted_again_by_itself():
    peers, browser = a_shop()
    peers.failing["/api/cart"] = Overloaded("too much to do", by="shedding", retry_after_s=4)
    answer = browser.post("/cart/items", data={"sku": "tea-000", "quantity": "2"})
    assert answer.status_code == 503 and "refresh" not in answer.text and "try again" in answer.text


def test_a_search_beyond_the_limit_is_a_page_that_asks_again_by_itself():
    peers, browser = a_shop()
    peers.failing["/api/catalog"] = TooOften("slow down", retry_after_s=2)
    answer = browser.get("/?q=tea")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert "One moment, please" in answer.text and 'http-equiv="refresh" content="2"' in answer.text


def test_recommendations_are_four_links():
    _, browser = a_shop()
    assert browser.get("/fragments/recommendations").text.count('href="/products/') == 4


def test_putting_into_the_basket_redirects_so_that_a_reload_adds_nothing():
    _, browser = a_shop()
    answer = browser.post("/cart/items", data={"sku": "tea-000", "quantity": "2"})
    assert (answer.status_code, answer.location) == (303, "/cart")
    assert 'value="2"' in browser.get("/cart").text


def test_adding_twice_adds_up_and_stops_at_99():
    peers, browser = a_shop()
    fill(browser, pieces=60)
    fill(browser, pieces=60)
    assert list(peers.carts.values()) == [{"tea-000": 99}]


def test_with_htmx_the_page_stays_and_says_what_happened():
    _, browser = a_shop()
    answer = browser.post("/cart/items", data={"sku": "tea-000", "name": "Tea"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "Tea is in your basket" in answer.text
    assert 'class="count">1' in answer.text


def test_the_basket_changes_and_empties_by_plain_forms():
    peers, browser = a_shop()
    fill(browser)
    browser.post("/cart/items/tea-000", data={"quantity": "5"})
    assert list(peers.carts.values()) == [{"tea-000": 5}]
    browser.post("/cart/items/tea-000/remove")
    assert "It is empty" in browser.get("/cart").text


@pytest.mark.parametrize("quantity", ["0", "100", "-1", "many", "", "2.5", "1_0", "9" * 5000])
def test_what_is_no_quantity_is_refused(quantity):
    peers, browser = a_shop()
    assert browser.post("/cart/items", data={"sku": "tea-000", "quantity": quantity}).status_code == 422
    assert not peers.carts


def test_a_product_that_is_no_longer_sold_must_leave_the_basket_first():
    peers, browser = a_shop()
    fill(browser)
    del peers.products["tea-000"]
    assert "no longer sold" in browser.get("/cart").text
    assert browser.get("/checkout").location == "/cart"


def test_every_page_says_who_served_it_and_under_which_id(monkeypatch):
    monkeypatch.setattr(telemetry.identity, "replica", "storefront-7")
    _, browser = a_shop()
    answer = browser.get("/", headers={"X-Request-Id": "learner-1"})
    assert "<b>storefront-7</b>" in answer.text
    assert "<code>learner-1</code>" in answer.text


def test_everything_the_first_visit_loads_is_below_100_kilobytes():
    _, browser = a_shop()
    names = ("shop.css", "shop.js", "htmx.min.js", "pictures.svg", "icon.svg")
    addresses = ["/", "/fragments/recommendations", *(f"/static/{name}" for name in names)]
    assert sum(size(browser, address) for address in addresses) < 100_000


def size(browser, address):
    with browser.get(address) as answer:
        return len(answer.data)


def test_it_is_ready_without_its_peers_because_it_can_say_what_is_missing():
    peers, browser = a_shop()
    peers.failing["/"] = Unavailable("away")
    assert browser.get("/readyz").status_code == 200
