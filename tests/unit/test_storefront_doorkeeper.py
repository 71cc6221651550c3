"""Who may post, which cookie is made, and what a browser may load."""

import re

import pytest

from tests.unit.storefront_fakes import a_shop, fill

PAGES = ("/", "/products/tea-000", "/cart", "/nowhere")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9"},
        {"Origin": "http://["},
    ],
)
def test_a_form_from_another_site_is_refused(headers):
    peers, browser = a_shop()
    assert browser.post("/cart/items", data={"sku": "tea-000"}, headers=headers).status_code == 403
    assert not peers.carts


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}, {}])
def test_a_form_from_this_site_and_a_program_pass(headers):
    _, browser = a_shop()
    assert browser.post("/cart/items", data={"sku": "tea-000"}, headers=headers).status_code == 303


def test_looking_around_makes_no_cookie_and_the_first_purchase_makes_a_guarded_one():
    _, browser = a_shop()
    assert "Set-Cookie" not in browser.get("/").headers
    cookie = browser.post("/cart/items", data={"sku": "tea-000"}).headers["Set-Cookie"]
    assert re.match(r"cart=[0-9a-f]{32};", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_cookie_that_is_there_is_handed_to_the_cart_and_lasts_as_long_again():
    peers, browser = a_shop()
    browser.set_cookie("cart", "a" * 32)
    cookie = browser.post("/cart/items", data={"sku": "tea-000"}).headers["Set-Cookie"]
    assert f"cart={'a' * 32};" in cookie and "Max-Age=604800" in cookie
    assert peers.carts["a" * 32] == {"tea-000": 1}


def test_a_forged_cookie_counts_as_none():
    peers, browser = a_shop()
    browser.set_cookie("cart", "a; other=b")
    fill(browser)
    assert all(re.fullmatch("[0-9a-f]{32}", cart) for cart in peers.carts)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_allows_only_its_own_files_and_carries_nothing_inline(path):
    _, browser = a_shop()
    answer = browser.get(path)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r'<style|<script(?! src="/static/)|\sstyle=|\son\w+=|hx-on|href="javascript', answer.text)


def test_static_files_are_kept_for_good_under_their_version_only():
    _, browser = a_shop()
    [address] = re.findall(r'href="(/static/shop\.css\?v=\w+)"', browser.get("/").text)
    with browser.get(address) as present, browser.get("/static/shop.css?v=older") as older:
        assert "immutable" in present.headers["Cache-Control"]
        assert older.headers["Cache-Control"] == "no-cache"


def test_pages_are_asked_for_again_and_shared_with_nobody():
    _, browser = a_shop()
    assert browser.get("/").headers["Cache-Control"] == "private, no-cache"
