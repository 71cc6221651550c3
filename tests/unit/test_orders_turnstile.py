"""Who is held back at the checkout: one shopper with many cards, one card with many shoppers, and nobody else."""

from collections.abc import Sequence

import pytest
from flask.testing import FlaskClient

from services.common.errors import Declined
from services.common.rate_limit import HEADER
from services.orders.app import create_app
from services.orders.turnstile import Turnstile
from tests.unit.cache_fakes import FakeNode

ITEMS = [{"sku": "tea-001", "quantity": 1}]


class Declining:
    """A checkout that comes to an end each time, without an order."""

    def check_out(self, key, wanted):
        raise Declined("the card was declined")


@pytest.fixture
def client() -> FlaskClient:
    """An order book that lets three checkouts a minute through."""
    turnstile = Turnstile([FakeNode()], lambda: 3)  # type: ignore[list-item]
    app = create_app(Declining(), None, {}, admit=turnstile.admit)  # type: ignore[arg-type]
    return app.test_client(use_cookies=False)


def tries(
    client: FlaskClient, *, visitors: Sequence[str] = ("",), carts: Sequence[str] = ("",), cards: Sequence[str] = ("",)
) -> list[int]:
    """Six checkouts by these in turn."""

    def attempt(n: int) -> int:
        of = lambda names: names[n % len(names)]  # noqa: E731
        headers = {"Idempotency-Key": f"key-{n}", HEADER: of(visitors)}
        headers |= {"Cookie": f"cart={of(carts)}"} if of(carts) else {}
        body = {"items": ITEMS, "payment": {"token": "tok_ok" + (of(cards) and f"_{of(cards)}")}}
        return client.post("/api/orders", json=body, headers=headers).status_code

    return [attempt(n) for n in range(6)]


MANY = [f"n{number}" for number in range(6)]
HELD_BACK = [402] * 3 + [429] * 3


def test_one_address_that_tries_many_cards_is_held_back(client):
    assert tries(client, visitors=["10.66.0.7"], cards=MANY) == HELD_BACK


def test_one_cart_is_held_back_from_whatever_addresses_it_comes(client):
    assert tries(client, carts=["c" * 32], visitors=MANY) == HELD_BACK


def test_nobody_uses_up_the_tries_of_an_address_by_naming_it_as_a_cart(client):
    assert tries(client, carts=["10.66.0.7"], visitors=["192.0.2.1"]) == HELD_BACK
    assert tries(client, visitors=["10.66.0.7"])[:3] == [402] * 3


def test_one_card_is_held_back_whoever_tries_it(client):
    assert tries(client, visitors=MANY, carts=MANY, cards=["stolen"]) == HELD_BACK


def test_carts_behind_one_address_are_apart(client):
    assert tries(client, visitors=["192.0.2.1"], carts=["a" * 32, "b" * 32]) == [402] * 6


def test_many_with_the_demos_card_are_not_one(client):
    assert tries(client, visitors=MANY) == [402] * 6


def test_the_shops_own_machine_is_not_counted(client):
    assert tries(client) == [402] * 6


def test_a_refusal_says_that_nothing_happened_and_when_to_come_again(client):
    tries(client, visitors=["10.66.0.7"])
    headers = {"Idempotency-Key": "key-7", HEADER: "10.66.0.7"}
    answer = client.post("/api/orders", json={"items": ITEMS, "payment": {"token": "tok_ok"}}, headers=headers)
    assert answer.json["type"] == "urn:shoplab:too-many-requests" and answer.json["refused"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 120
