"""Commands that put right what the shop cannot put right by itself."""

import time

import pytest

from labs.control.client import ControlFailed, ShopClient
from tests.conftest import Cli
from tests.shop.buying import ask, buy, eventually

pytestmark = pytest.mark.servers
WITHIN_S = 60.0


def refuse_shipments(shop: ShopClient) -> None:
    for replica in ("orders-1", "orders-2"):
        shop.set_fault("http_abort", replica, httpStatus=400, path="/internal/orders")


def place_orders(shop: ShopClient, count: int) -> list[str]:
    answers = [buy(shop.url) for _ in range(count)]
    assert all(answer.sold for answer in answers)
    return [f"/api/orders/{answer.body['order_id']}" for answer in answers]


def all_shipped(shop: ShopClient, orders: list[str]) -> bool:
    return all(ask(shop.url, "GET", path).body.get("status") == "shipped" for path in orders)


def test_dead_letters_are_put_back_counted_and_their_orders_shipped(healed: ShopClient, cli: Cli) -> None:
    refuse_shipments(healed)
    orders = place_orders(healed, 4)
    eventually(lambda: healed.queues()["fulfilment.dead"] == 4, within_s=WITHIN_S)
    healed.heal()
    done = cli("redeliver", "fulfilment", "--name", healed.name)
    assert done.returncode == 0 and "4 dead letters put back" in done.stdout, done.stderr
    eventually(lambda: all_shipped(healed, orders), within_s=WITHIN_S)
    assert healed.check() == []


def test_dead_letters_put_back_too_early_die_again_and_none_is_lost(healed: ShopClient) -> None:
    refuse_shipments(healed)
    place_orders(healed, 2)
    eventually(lambda: healed.queues()["fulfilment.dead"] == 2, within_s=WITHIN_S)
    assert healed.redeliver("fulfilment") == 2
    eventually(lambda: healed.queues()["fulfilment.dead"] == 2, within_s=WITHIN_S)
    healed.heal()
    assert healed.redeliver("fulfilment") == 2
    assert healed.check() == []


def test_redeliver_names_the_queues_there_are(healed: ShopClient, cli: Cli) -> None:
    done = cli("redeliver", "fulfillment", "--name", healed.name)
    assert done.returncode == 2 and "fulfilment" in done.stderr
    assert healed.redeliver("notifications") == 0


def crash_while_orders_come(shop: ShopClient, crashes: int) -> None:
    """Pack slowly, so that there is always work to die of."""
    shop.set_flag("fulfilment.pack_ms", 1500)
    place_orders(shop, 10)
    shop.set_fault("crash_before_ack", "fulfilment-1", crashes=crashes)
    shop.set_flag("fulfilment.pack_ms", "default")


def parcels_too_many(shop: ShopClient) -> int:
    (row,) = shop.rows("select count(*) - count(distinct order_id) as surplus from fulfilment.parcels")
    return int(row["surplus"])


def test_a_worker_that_dies_before_its_ack_packs_once_in_effect(healed: ShopClient) -> None:
    crash_while_orders_come(healed, crashes=2)
    assert healed.check() == []
    assert parcels_too_many(healed) == 0


def test_without_memory_it_packs_twice_check_says_so_and_recall_repairs_it(healed: ShopClient, cli: Cli) -> None:
    healed.set_flag("fulfilment.idempotent", False)
    crash_while_orders_come(healed, crashes=2)
    assert any("exactly once" in violated for violated in healed.check())
    twice = parcels_too_many(healed)
    assert twice >= 2
    done = cli("recall", "--name", healed.name)
    assert done.returncode == 0 and f"{twice} parcels called back" in done.stdout, done.stderr
    assert healed.check() == []
    assert healed.recall() == 0


def test_a_worker_with_nothing_to_do_cannot_be_made_to_die_of_it(healed: ShopClient) -> None:
    with pytest.raises(ControlFailed, match="nothing to do"):
        healed.set_fault("crash_before_ack", "fulfilment-1")
    orders = place_orders(healed, 1)
    eventually(lambda: all_shipped(healed, orders), within_s=WITHIN_S)


def test_what_was_announced_and_lost_is_announced_again_and_shipped(healed: ShopClient, cli: Cli) -> None:
    healed.set_flag("relay.confirms", False)
    place_orders(healed, 1)
    assert healed.check() == []
    healed.set_fault("process_pause", "rabbitmq")
    orders = place_orders(healed, 6)
    eventually(lambda: not healed.rows("select from orders.outbox where sent_at is null"), within_s=WITHIN_S)
    healed.set_fault("process_kill", "rabbitmq")
    assert healed.heal() == []
    time.sleep(3)  # so that whatever can still arrive has arrived
    assert not all_shipped(healed, orders)
    done = cli("resend", "--name", healed.name)
    assert done.returncode == 0 and "6 events announced again" in done.stdout, done.stderr
    eventually(lambda: all_shipped(healed, orders), within_s=WITHIN_S)
    assert healed.check() == []
