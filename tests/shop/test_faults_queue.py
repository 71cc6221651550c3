"""Faults of the broker and its consumers: each one's effect appears, and is gone when it is healed."""

import time

import pytest

from labs.control.client import ShopClient
from tests.shop.buying import ask, buy, eventually
from tests.shop.inside import number

pytestmark = pytest.mark.servers

UNSENT = "select count(*) from orders.outbox where sent_at is null"


def order(shop: ShopClient) -> str:
    """Buy something; the order's path."""
    answer = buy(shop.url)
    assert answer.sold
    return f"/api/orders/{answer.body['order_id']}"


def is_shipped(shop: ShopClient, path: str) -> bool:
    return bool(ask(shop.url, "GET", path).body.get("status") == "shipped")


def test_consumer_pause_lets_orders_wait_and_none_is_lost(breakable: ShopClient) -> None:
    breakable.set_fault("consumer_pause", "fulfilment")
    orders = [order(breakable) for _ in range(5)]
    eventually(lambda: number(breakable, "", UNSENT) == 0)
    time.sleep(0.5)
    assert not any(is_shipped(breakable, path) for path in orders)
    breakable.heal()
    eventually(lambda: all(is_shipped(breakable, path) for path in orders), within_s=60)


def test_consumer_slow_makes_parcels_late_whoever_packs_them_and_no_checkout(breakable: ShopClient) -> None:
    breakable.set_fault("consumer_slow", "fulfilment", delay_ms=7000)
    breakable.set_fault("restart", "fulfilment-1")
    began = time.monotonic()
    path = order(breakable)
    assert time.monotonic() - began < 7
    eventually(lambda: is_shipped(breakable, path), within_s=60)
    assert time.monotonic() - began >= 7
    breakable.heal()
    path = order(breakable)
    eventually(lambda: is_shipped(breakable, path), within_s=6.5)


def test_poison_is_tried_again_beside_the_work_and_a_heal_finds_every_drop(breakable: ShopClient) -> None:
    breakable.set_fault("poison_message", "rabbitmq", count=3)
    eventually(lambda: sum(n for queue, n in breakable.queues().items() if "fulfilment.later" in queue) == 3)
    path = order(breakable)
    eventually(lambda: is_shipped(breakable, path), within_s=60)
    breakable.heal()
    assert not any(n for queue, n in breakable.queues().items() if queue.startswith("fulfilment."))


def test_a_heal_takes_poison_out_of_the_hands_of_a_worker_that_never_gives_up(breakable: ShopClient) -> None:
    breakable.set_flag("fulfilment.retry", "requeue_forever")
    try:
        breakable.set_fault("poison_message", "rabbitmq", count=3)
        eventually(lambda: requeued(breakable) >= 30)
        breakable.heal()
        path = order(breakable)
        eventually(lambda: is_shipped(breakable, path), within_s=60)
        assert requeued(breakable) == 0  # counted by a worker that was started anew
    finally:
        breakable.set_flag("fulfilment.retry", "default")


def requeued(shop: ShopClient) -> float:
    return shop.metrics("fulfilment").get('shop_consumed_total{outcome="requeued",queue="fulfilment"}', 0.0)


def test_queue_limit_leaves_in_the_outbox_what_the_queue_may_not_hold(breakable: ShopClient) -> None:
    breakable.set_fault("process_stop", "fulfilment-1")
    breakable.set_fault("queue_limit", "rabbitmq", **{"x-max-length": 2})
    orders = [order(breakable) for _ in range(8)]
    time.sleep(1)
    assert breakable.queues()["fulfilment"] <= 3  # one more than the limit: it is checked after a message has come
    assert number(breakable, "", UNSENT) >= 4
    breakable.heal()
    eventually(lambda: all(is_shipped(breakable, path) for path in orders), within_s=60)


def test_a_queue_whose_limit_is_lifted_takes_what_waits_for_another_try(breakable: ShopClient) -> None:
    breakable.set_fault("poison_message", "rabbitmq")
    eventually(lambda: breakable.queues()["fulfilment.dead"] == 1, within_s=30)  # the retry queues have passed it on
    breakable.set_fault("process_stop", "fulfilment-1")
    breakable.set_fault("queue_limit", "rabbitmq", **{"x-max-length": 1})
    orders = [order(breakable) for _ in range(4)]
    eventually(lambda: breakable.queues()["fulfilment"] >= 1)
    breakable.heal()
    breakable.set_fault("poison_message", "rabbitmq")
    eventually(lambda: breakable.queues()["fulfilment.dead"] == 1, within_s=30)
    eventually(lambda: all(is_shipped(breakable, path) for path in orders))


def test_queue_limit_with_drop_head_makes_dead_letters_of_the_oldest(breakable: ShopClient) -> None:
    breakable.set_fault("process_stop", "notifications-1")
    limit = {"queue": "notifications", "x-max-length": 2, "x-overflow": "drop-head"}
    breakable.set_fault("queue_limit", "rabbitmq", **limit)
    before = breakable.queues()["notifications.dead"]
    for _ in range(6):
        order(breakable)
    eventually(lambda: breakable.queues()["notifications.dead"] >= before + 4)
    breakable.heal()


@pytest.mark.parametrize("alarm", ["broker_memory_alarm", "broker_disk_alarm"])
def test_an_alarm_blocks_who_publishes_and_orders_wait_in_the_outbox(breakable: ShopClient, alarm: str) -> None:
    breakable.set_fault(alarm, "rabbitmq")
    path = order(breakable)
    time.sleep(1.5)
    assert number(breakable, "", UNSENT) >= 1
    assert not is_shipped(breakable, path)
    breakable.heal()
    eventually(lambda: is_shipped(breakable, path), within_s=60)
