"""Faults of the network as shoppers and operators meet them, on both runtimes."""

import time

import pytest

from compose.wire.client import Wire
from labs.control.client import ShopClient
from tests.shop.buying import ask, buy, buy_once, eventually, get
from tests.shop.inside import number

pytestmark = pytest.mark.servers

ORDERS = "select count(*) from orders.orders"
PRODUCT = "/api/catalog/products/tea-001"


def fastest_s(shop: ShopClient, times: int = 8) -> float:
    """Of several requests for a product, so that a busy machine does not matter."""
    taken = []
    for _ in range(times):
        began = time.monotonic()
        assert get(shop.url, PRODUCT).status == 200
        taken.append(time.monotonic() - began)
    return min(taken)


def ready(shop: ShopClient) -> dict[str, bool]:
    """Who says that it can do its business."""
    return {component["name"]: component["ready"] for component in shop.status()}


def test_a_slow_cache_slows_every_product(breakable: ShopClient) -> None:
    breakable.set_flag("catalog.cache_wait_ms", 5000)  # a node that a busy machine makes later still is not left alone
    try:
        breakable.set_fault("cache_slow", "memcached", latency=150)
        eventually(lambda: fastest_s(breakable) >= 0.15)
        breakable.heal()
        eventually(lambda: fastest_s(breakable) < 0.15)
    finally:
        breakable.set_flag("catalog.cache_wait_ms", "default")


def test_without_any_cache_the_same_products_are_shown(breakable: ShopClient) -> None:
    before = get(breakable.url, PRODUCT).body
    breakable.set_fault("cache_down", "memcached")
    assert get(breakable.url, PRODUCT).body == before


def test_a_service_cut_off_from_its_database_lives_but_is_not_ready(breakable: ShopClient) -> None:
    service = "inventory-1" if breakable.runtime == "local" else "inventory"
    breakable.set_fault("partition", service, target="postgres")
    eventually(lambda: not ready(breakable)["inventory-1"], within_s=30)
    now = ready(breakable)
    assert now["postgres-1"] and now["orders-1"] and now["inventory-2"] is (breakable.runtime == "local")
    address = next(c["address"] for c in breakable.status() if c["name"] == "inventory-1")
    assert get(f"http://{address}", "/livez").status == 200
    breakable.heal()
    eventually(lambda: ready(breakable)["inventory-1"], within_s=30)


def test_a_silent_replication_link_leaves_the_replica_behind(breakable: ShopClient) -> None:
    breakable.set_fault("timeout", "replication")
    before = number(breakable, "postgres-2", ORDERS)
    assert buy(breakable.url).sold
    time.sleep(1)
    assert number(breakable, "postgres-2", ORDERS) == before
    breakable.heal()
    eventually(lambda: number(breakable, "postgres-2", ORDERS) >= before + 1, within_s=30)


def test_nobody_pays_while_payments_cannot_be_reached(breakable: ShopClient) -> None:
    breakable.set_fault("down", "payments-1")
    assert buy_once(breakable.url).status in (502, 503, 504)
    breakable.heal()
    eventually(lambda: buy_once(breakable.url).sold, within_s=30, every_s=0.5)


def test_orders_wait_while_nobody_reaches_the_broker_and_control_still_does(breakable: ShopClient) -> None:
    breakable.set_fault("down", "rabbitmq")
    order = buy(breakable.url)
    assert order.sold
    time.sleep(1)
    path = f"/api/orders/{order.body['order_id']}"
    assert get(breakable.url, path).body["status"] == "confirmed"
    assert "fulfilment" in breakable.queues()
    breakable.heal()
    eventually(lambda: ask(breakable.url, "GET", path).body.get("status") == "shipped", within_s=40)


def test_a_fault_is_on_the_wire_again_after_that_was_started_anew(breakable: ShopClient) -> None:
    breakable.set_fault("latency", "rabbitmq", latency=1)
    breakable.set_fault("restart", "wire")
    wire = Wire(breakable.report()["wire_url"].removeprefix("http://"))
    struck = {name for name, proxy in wire.proxies().items() if proxy["toxics"]}
    assert struck and all(name.endswith(":rabbitmq") for name in struck)
