"""The lane of a sale's item, in the whole shop: the same answers as elsewhere, another process, another queue."""

import uuid
from collections.abc import Iterator

import pytest

from labs.control.client import ShopClient
from tests.conftest import Cli
from tests.shop.buying import Answer, ask, buy, buy_once, eventually, insist

pytestmark = pytest.mark.servers

HOT, COLD = "pot-020", "tea-001"


@pytest.fixture
def lane(healed: ShopClient, cli: Cli) -> Iterator[ShopClient]:
    """A shop whose hot item has its lane; closed afterwards."""
    done = cli("lane", HOT, "--name", healed.name)
    assert done.returncode == 0, done.stderr
    yield healed
    healed.lane("")


def who_placed(answer: Answer) -> tuple[bool, str]:
    """Is the order confirmed, and which service says so?"""
    return answer.sold, answer.headers["x-served-by"].rpartition("-")[0]


def placed(shop: ShopClient, answer: Answer) -> dict[str, object]:
    """What the tables say of an order: is it the lane's, and how often was it charged?"""
    [row] = shop.rows(
        "select lane, (select count(*) from payments.charges where key = charge_key) as charges from orders.orders "
        f"where order_id = '{answer.body['order_id']}'"
    )
    return dict(row)


def packed(shop: ShopClient) -> float:
    """Parcels packed by the lane's packer."""
    return shop.metrics("fulfilment-lane").get('shop_consumed_total{outcome="done",queue="fulfilment-lane"}', 0.0)


def test_the_hot_item_is_sold_in_the_lane_and_everything_else_as_ever(lane: ShopClient) -> None:
    hot, cold = buy(lane.url, HOT), buy(lane.url, COLD)
    assert (who_placed(hot), who_placed(cold)) == ((True, "orders-lane"), (True, "orders"))
    eventually(lambda: packed(lane) >= 1)
    assert lane.check() == []
    assert placed(lane, hot) == {"lane": True, "charges": 1}
    assert placed(lane, cold) == {"lane": False, "charges": 1}


@pytest.mark.parametrize("first", ["/api/orders", "/api/orders-lane"])
def test_one_key_at_both_entrances_is_one_order(healed: ShopClient, first: str) -> None:
    key = uuid.uuid4().hex
    body = {"items": [{"sku": HOT, "quantity": 1}], "payment": {"token": "tok_ok"}}
    try:
        if first == "/api/orders-lane":
            healed.lane(HOT)
        before = buy(healed.url, HOT, key=key)
        healed.lane(HOT if first == "/api/orders" else "")
        after = buy(healed.url, HOT, key=key)
    finally:
        healed.lane("")
    again = insist(lambda: ask(healed.url, "POST", "/api/orders-lane", body, **{"Idempotency-Key": key}))
    assert (before.sold, after.status, again.status) == (True, 200, 200)
    assert len({answer.body["order_id"] for answer in (before, after, again)}) == 1
    assert placed(healed, before)["charges"] == 1


@pytest.mark.parametrize(
    ("token", "quantity", "status"), [("tok_declined", 1, 402), ("tok_ok", 99, 409), ("tok_what", 1, 422)]
)
def test_the_lane_refuses_as_the_shop_does(lane: ShopClient, token: str, quantity: int, status: int) -> None:
    assert buy(lane.url, HOT, quantity, token=token).status == status


def test_a_dead_lane_concerns_its_own_buyers_only_and_their_keys_are_good_when_it_is_back(lane: ShopClient) -> None:
    key = uuid.uuid4().hex
    lane.set_fault("process_kill", "orders-lane-1")
    eventually(lambda: buy_once(lane.url, HOT, key=key).status == 502)
    assert buy(lane.url, COLD).sold
    assert lane.heal() == []
    assert who_placed(buy(lane.url, HOT, key=key)) == (True, "orders-lane")
    assert lane.check() == []


def test_a_lane_that_is_closed_on_a_backlog_loses_nothing(lane: ShopClient) -> None:
    lane.set_flag("fulfilment.pack_ms", 5000)
    lane.restock(HOT, 20)
    for _ in range(6):
        assert buy(lane.url, HOT).sold
    lane.scale("fulfilment-lane", 0)  # at once, with parcels in hand: as if it had died
    eventually(lambda: lane.queues()["fulfilment-lane"] > 0)
    lane.set_flag("fulfilment.pack_ms", "default")
    lane.lane("")
    assert buy(lane.url, HOT).sold
    assert lane.check() == []
    assert lane.queues()["fulfilment-lane"] == 0


def test_a_backlog_in_the_lane_delays_nobody_elsewhere_and_promises_them_nothing_later(lane: ShopClient) -> None:
    lane.set_flag("fulfilment.pack_ms", 4000)
    lane.set_flag("orders.intake_limit_s", 1)
    lane.restock(HOT, 30)
    for _ in range(8):
        assert buy(lane.url, HOT).sold
    eventually(lambda: buy(lane.url, HOT).body["promised_for"] is not None, within_s=15, every_s=1)
    cold = buy(lane.url, COLD)
    eventually(lambda: ask(lane.url, "GET", f"/api/orders/{cold.body['order_id']}").body.get("status") == "shipped", 20)
    assert cold.body["promised_for"] is None
    waiting = lane.rows("select count(*) as orders from orders.orders where lane and status = 'confirmed'")
    assert int(waiting[0]["orders"]) >= 1
    lane.set_flag("fulfilment.pack_ms", "default")  # who closes it waits until all is packed


def test_an_unknown_item_gets_no_lane_and_the_command_wants_one_or_the_other(healed: ShopClient, cli: Cli) -> None:
    for words, hint in ((["pot-999"], "there is no item"), ([], "--close"), ([HOT, "--close"], "--close")):
        done = cli("lane", *words, "--name", healed.name)
        assert (done.returncode, hint in done.stderr) == (2, True), done.stderr
    assert cli("lane", "--close", "--name", healed.name).returncode == 0
