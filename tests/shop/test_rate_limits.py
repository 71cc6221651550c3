"""Rate limits in the whole shop: who is refused at the gateway, at the checkout, in a search; and who is not."""

import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from labs.control.client import ShopClient
from labs.load import constant, run_load
from labs.load.sample import BOT, BUYER
from tests.shop.buying import IN_DOUBT, Answer, ask, eventually, get

pytestmark = pytest.mark.servers
OPEN = 'shop_rate_limit_open_total{limit="shopper"}'
PRODUCT = "/api/catalog/products/tea-001"


@pytest.fixture
def switch(healed: ShopClient) -> Iterator[Callable[..., None]]:
    """Set flags, `switch(gateway__rate_limits="off")`, until the test is over."""
    names: set[str] = set()

    def to(**flags: Any) -> None:
        for name, value in flags.items():
            names.add(name.replace("__", "."))
            healed.set_flag(name.replace("__", "."), value)

    yield to
    for name in names:
        healed.set_flag(name, "default")


def looks(url: str, visitor: str, times: int = 40) -> list[int]:
    """The statuses of so many quick looks at a product, from an address; without one, from this machine's."""
    headers = {"X-Forwarded-For": visitor} if visitor else {}
    return [ask(url, "GET", PRODUCT, **headers).status for _ in range(times)]


def checkout(url: str, visitor: str = "", cart: str = "", token: str = "tok_declined") -> Answer:
    """Try to buy with a card that is declined, so that nothing is bought."""
    body = {"items": [{"sku": "tea-001", "quantity": 1}], "payment": {"token": token}}
    headers = {"Idempotency-Key": uuid.uuid4().hex, "Cookie": f"cart={cart}", "X-Forwarded-For": visitor}
    return ask(url, "POST", "/api/orders", body, **{name: text for name, text in headers.items() if text})


def test_the_gateways_limit_follows_its_flags_at_once(healed, switch):
    switch(gateway__rate_per_s=1, gateway__rate_burst=4)
    assert looks(healed.url, "10.66.1.1").count(429) >= 6
    assert set(looks(healed.url, "")) - set(IN_DOUBT) == {200}
    switch(gateway__rate_limits="everybody")
    assert looks(healed.url, "").count(429) >= 6
    switch(gateway__rate_limits="off")
    assert set(looks(healed.url, "10.66.1.1")) - set(IN_DOUBT) == {200}


def test_a_gateway_that_starts_anew_knows_its_limits(healed, switch):
    switch(gateway__rate_per_s=1, gateway__rate_burst=4)
    healed.set_fault("restart", "gateway")
    eventually(lambda: get(healed.url, PRODUCT).status == 200)
    assert looks(healed.url, "10.66.1.2").count(429) >= 6


def test_as_the_shop_comes_nobody_with_a_browser_is_refused(healed):
    """A page, then forty quick requests from one address."""
    assert set(looks(healed.url, "203.0.113.9", times=40)) - set(IN_DOUBT) == {200}


def test_one_shopper_is_held_back_at_the_checkout_by_all_replicas_together_and_others_are_not(healed, switch):
    switch(orders__rate_limit=3)
    statuses = [checkout(healed.url, visitor="10.66.1.3").status for _ in range(8)]
    assert statuses == [402] * 3 + [429] * 5
    refused = checkout(healed.url, visitor="10.66.1.3")
    assert refused.body["type"] == "urn:shoplab:too-many-requests" and 1 <= int(refused.headers["retry-after"]) <= 120
    assert checkout(healed.url, visitor="10.66.1.4").status == 402
    assert checkout(healed.url, visitor="10.66.1.3", cart="c" * 32).status == 402


def test_one_card_is_held_back_from_whatever_addresses(healed, switch):
    switch(orders__rate_limit=3)
    card = f"tok_declined_{uuid.uuid4().hex[:8]}"
    statuses = [checkout(healed.url, visitor=f"10.67.{n}.1", token=card).status for n in range(6)]
    assert statuses == [402] * 3 + [429] * 3


def test_a_shopper_who_comes_by_the_pages_is_known_by_the_cart_and_reads_that_nothing_was_bought(healed, switch):
    switch(orders__rate_limit=1)
    form = {"key": "", "token": "tok_declined", "item": "tea-001:1"}
    answers = [post(healed.url, form | {"key": uuid.uuid4().hex}, cart="d" * 32) for _ in range(2)]
    assert [status for status, _ in answers] == [402, 429]
    assert "Nothing was bought" in answers[1][1]


def post(url: str, form: dict[str, str], cart: str) -> tuple[int, str]:
    """Send the checkout form, as a browser does."""
    data = urllib.parse.urlencode(form).encode()
    wanted = urllib.request.Request(f"{url}/checkout", data, {"Cookie": f"cart={cart}"})
    try:
        with urllib.request.urlopen(wanted, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_without_cache_nodes_checkouts_are_let_through_and_counted_as_such(healed, switch):
    switch(orders__rate_limit=1)
    before = healed.metrics("orders").get(OPEN, 0.0)
    healed.set_fault("down", "orders:memcached")
    assert {checkout(healed.url, visitor="10.66.1.5").status for _ in range(6)} - set(IN_DOUBT) == {402}
    eventually(lambda: healed.metrics("orders").get(OPEN, 0.0) - before >= 6)
    healed.heal()
    eventually(lambda: checkout(healed.url, visitor="10.66.1.6").status == 429, within_s=60, every_s=0.2)


@pytest.mark.parametrize("path", ["/api/catalog/products", "/"])
def test_all_searches_share_one_limit_shelves_another_and_the_first_page_of_everything_has_none(healed, switch, path):
    switch(catalog__rate_limit=2)
    with ThreadPoolExecutor(8) as crowd:
        for what in ("q", "category"):
            lists = [f"{path}?{what}={uuid.uuid4().hex}" for _ in range(40)]
            answers = list(crowd.map(lambda each: ask(healed.url, "GET", each), lists))
            statuses = [answer.status for answer in answers]
            assert set(statuses) - set(IN_DOUBT) == {200, 429} and statuses.count(429) >= 5
            assert all(answer.headers["retry-after"] for answer in answers if answer.status == 429)
    assert get(healed.url, path).status == 200


def test_scalpers_are_held_back_and_fans_are_not(healed, switch):
    healed.restock("pot-020", 100)
    switch(gateway__rate_per_s=1, gateway__rate_burst=5)
    try:
        load = run_load(healed.url, constant(28, 6), "scalpers", seed=1)
    finally:
        healed.restock("pot-020", 20)
    refused = {kind: [sample.status == 429 for sample in load.select(kind=kind).samples] for kind in (BUYER, BOT)}
    assert sum(refused[BUYER]) == 0
    assert sum(refused[BOT]) >= 0.5 * len(refused[BOT])
