"""More buyers than pieces, all at once, many of them twice: who is told "confirmed" gets one piece and pays once."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from labs.control.client import ControlFailed, ShopClient
from tests.conftest import Cli
from tests.shop.buying import buy, eventually, stock, synchronous

pytestmark = pytest.mark.servers
ITEM = "pot-020"
PIECES, BUYERS = 20, 200
SETTLED = (200, 201, 409)
SOLD = f"select count(*) as n from orders.orders join orders.lines using (order_id) where sku = '{ITEM}'"
CHARGED = f"""
select count(*) as n from payments.charges join orders.orders on charge_key = charges.key
join orders.lines using (order_id) where sku = '{ITEM}' and state = 'charged'
"""


def impatient_half(buyers: int) -> list[str]:
    """A key for each buyer; every other one clicks twice."""
    keys = [uuid.uuid4().hex for _ in range(buyers)]
    return [key for number, key in enumerate(keys) for _ in range(1 + number % 2)]


@pytest.mark.parametrize("strategy", ["conditional", "buckets"])
def test_two_hundred_buyers_half_of_them_twice_for_twenty_pieces_are_twenty_orders_and_charges(
    healed: ShopClient, strategy: str
) -> None:
    healed.set_flag("inventory.stock", strategy)
    healed.restock(ITEM, PIECES)
    clicks = impatient_half(BUYERS)
    with ThreadPoolExecutor(len(clicks)) as crowd:
        answers = list(crowd.map(lambda key: buy(healed.url, ITEM, key=key), clicks))
    confirmed = {answer.body["order_id"] for answer in answers if answer.sold}
    assert {answer.status for answer in answers} <= set(SETTLED)
    assert len(confirmed) == PIECES
    assert [healed.rows(query)[0]["n"] for query in (SOLD, CHARGED)] == [PIECES, PIECES]
    assert healed.check() == []
    assert stock(healed.url, ITEM)["left"] == 0


def test_they_are_twenty_orders_and_charges_too_when_the_primary_is_killed_among_them(movable: ShopClient) -> None:
    """What was confirmed is on both servers, as postgres.synchronous promises; the replica takes over. Charging takes a
    second, so that those who have a piece are still on their way then.
    """
    synchronous(movable)
    movable.set_fault("http_delay", "payments-1", fixedDelay=1.0, path="/internal/payments/charges")
    movable.set_flag("postgres.failover", "promote")
    movable.restock(ITEM, PIECES)
    clicks = impatient_half(BUYERS)
    with ThreadPoolExecutor(len(clicks)) as crowd:
        asked = [crowd.submit(buy, movable.url, ITEM, key=key) for key in clicks]
        eventually(lambda: any(each.done() for each in asked), every_s=0.01)
        movable.set_fault("primary_kill", "postgres-1")
        before = sum(each.done() and each.result().status == 201 for each in asked)
        answers = [each.result() for each in asked]
    confirmed = {answer.body["order_id"] for answer in answers if answer.sold}
    assert before < PIECES, "the primary was killed too late to matter"
    assert [step["what"].split(":")[0] for step in movable.report()["moves"][-3:]] == ["gone", "fenced", "promoted"]
    assert {answer.status for answer in answers} <= set(SETTLED)
    assert movable.heal() == [] == movable.check()
    assert len(confirmed) == PIECES
    assert [movable.rows(query)[0]["n"] for query in (SOLD, CHARGED)] == [PIECES, PIECES]
    assert stock(movable.url, ITEM)["left"] == 0


def test_what_naive_sold_too_often_shows_in_check_and_is_made_good_by_a_delivery(healed: ShopClient, cli: Cli) -> None:
    healed.set_flag("inventory.stock", "naive")
    healed.set_flag("inventory.decide_ms", 1000)
    healed.restock(ITEM, 1)
    with ThreadPoolExecutor(4) as crowd:
        sold = sum(answer.sold for answer in crowd.map(lambda _: buy(healed.url, ITEM), range(4)))
    assert sold > 1 and stock(healed.url, ITEM)["left"] == 1 - sold
    assert any("never below zero" in violated for violated in healed.check())
    done = cli("restock", ITEM, "5", "--name", healed.name)
    assert done.returncode == 0 and f"{sold - 1} had been promised and were not there" in done.stdout, done.stderr
    assert healed.check() == []
    assert stock(healed.url, ITEM)["left"] == 5


def test_nobody_can_deliver_what_is_not_sold_here_or_less_than_nothing(healed: ShopClient) -> None:
    with pytest.raises(ControlFailed, match="no item 'pot-999'"):
        healed.restock("pot-999", 5)
    with pytest.raises(ControlFailed, match="from 0 to"):
        healed.restock(ITEM, -1)
