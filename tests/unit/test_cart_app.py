"""The cart over HTTP, without servers."""

import re

import pytest

from services.cart.__main__ import some_node_answers
from services.cart.app import create_app
from services.cart.carts import Carts
from tests.unit.cache_fakes import FakeNode

ITEMS = "/api/cart/items"


@pytest.fixture
def nodes() -> list[FakeNode]:
    return [FakeNode(f"memcached-{i}:11211") for i in (1, 2, 3)]


@pytest.fixture
def client(nodes):
    carts = Carts(nodes, lambda: "cart-1", 60)
    app = create_app(lambda: carts, {"memcached": lambda: some_node_answers(nodes)}, 604800)
    return app.test_client()


def test_a_new_shopper_gets_a_cookie_that_scripts_cannot_read(client):
    cookie = client.get(ITEMS).headers["Set-Cookie"]
    assert re.match(r"cart=[0-9a-f]{32}; ", cookie)
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"))


def test_what_was_put_in_is_there(client):
    assert client.put(f"{ITEMS}/tea-001", json={"quantity": 2}).json == {"items": [{"sku": "tea-001", "quantity": 2}]}
    assert client.get(ITEMS).json == {"items": [{"sku": "tea-001", "quantity": 2}]}
    assert client.delete(f"{ITEMS}/tea-001").json == client.delete(ITEMS).json == {"items": []}


def test_a_whole_number_may_be_written_with_a_fraction_of_nothing(client):
    answer = client.put(f"{ITEMS}/tea-001", data='{"quantity": 21.0}', content_type="application/json")
    assert answer.json["items"][0]["quantity"] == 21


def test_the_document_says_what_a_quantity_may_be(client):
    schema = client.get("/api/cart/openapi.json").json["components"]["schemas"]["Quantity"]["properties"]["quantity"]
    assert (schema["type"], schema["minimum"], schema["maximum"]) == ("integer", 1, 99)


def test_two_shoppers_have_two_carts(client):
    client.put(f"{ITEMS}/tea-001", json={"quantity": 2})
    client.delete_cookie("cart")
    assert client.get(ITEMS).json == {"items": []}


def test_a_cookie_we_would_not_make_is_replaced(client):
    client.set_cookie("cart", "../../etc")
    assert re.search(r"cart=[0-9a-f]{32};", client.get(ITEMS).headers["Set-Cookie"])


@pytest.mark.parametrize("quantity", [0, -1, 100, 10**30, 1.5, True, "2", None])
def test_a_quantity_is_a_number_from_1_to_99(client, quantity):
    assert client.put(f"{ITEMS}/tea-001", json={"quantity": quantity}).status_code == 422


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b'"\\ud800"', b"\xff", b"[" * 100_000, b'{"quantity": 1e999}']
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_a_body_that_is_no_quantity_is_refused(client, body, kind):
    answer = client.put(f"{ITEMS}/tea-001", data=body, content_type=kind)
    assert 400 <= answer.status_code < 500 and answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("sku", ["TEA-001", "-", "%00", "%F0%9F%8D%B5", "a" * 41, "tea%20001"])
def test_what_cannot_be_a_sku_is_refused(client, sku):
    assert client.put(f"{ITEMS}/{sku}", json={"quantity": 1}).status_code == 422


def test_without_any_node_the_cart_is_unavailable_and_not_ready(client, nodes):
    for node in nodes:
        node.down = True
    assert client.get(ITEMS).status_code == client.get("/readyz").status_code == 503
    assert all(node.address in client.get("/readyz").json["checks"]["memcached"] for node in nodes)


def test_one_node_is_enough_to_be_ready(client, nodes):
    nodes[0].down = nodes[1].down = True
    assert client.get("/readyz").status_code == 200
