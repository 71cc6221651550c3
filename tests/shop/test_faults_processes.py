"""Faults of one component: each one's effect appears at the component itself, and is gone when it is healed."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from labs.control.client import ShopClient
from tests.shop.buying import Answer, ask, eventually, get
from tests.shop.inside import seconds_until

pytestmark = pytest.mark.servers

PRODUCT = "/api/catalog/products/tea-001"


def part(shop: ShopClient, name: str) -> dict[str, Any]:
    return {component["name"]: component for component in shop.status()}[name]


def ask_replica(shop: ShopClient) -> Answer:
    """A replica of the catalogue, past the gateway, as a patient client."""
    return get(f"http://{part(shop, 'catalog-2')['address']}", PRODUCT)


def test_process_kill_leaves_nobody_who_answers(breakable: ShopClient) -> None:
    address = part(breakable, "catalog-2")["address"]
    breakable.set_fault("process_kill", "catalog-2")
    assert part(breakable, "catalog-2")["state"] == "stopped"
    assert ask(f"http://{address}", "GET", PRODUCT, timeout_s=2).status == 0
    breakable.heal()
    assert ask_replica(breakable).status == 200


def test_process_stop_lets_the_request_in_hand_be_answered(breakable: ShopClient) -> None:
    address = f"http://{part(breakable, 'catalog-2')['address']}"
    breakable.set_fault("http_delay", "catalog-2", fixedDelay=3)
    with ThreadPoolExecutor(max_workers=1) as pool:
        in_hand = pool.submit(ask, address, "GET", PRODUCT)
        time.sleep(1.5)
        breakable.set_fault("process_stop", "catalog-2", time=10)
        assert in_hand.result().status == 200
    assert part(breakable, "catalog-2")["state"] == "stopped"
    breakable.heal()
    assert ask_replica(breakable).status == 200


def test_process_pause_leaves_a_process_that_accepts_and_says_nothing(breakable: ShopClient) -> None:
    address = part(breakable, "catalog-2")["address"]
    breakable.set_fault("process_pause", "catalog-2")
    began = time.monotonic()
    assert ask(f"http://{address}", "GET", PRODUCT, timeout_s=1).status == 0
    assert time.monotonic() - began >= 0.9  # not refused: it waited in vain
    breakable.heal()
    assert ask_replica(breakable).status == 200


def test_while_a_restart_waits_the_shop_can_be_healed(breakable: ShopClient) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        restart = pool.submit(breakable.set_fault, "restart", "catalog-2", delay_s=20)
        eventually(lambda: part(breakable, "catalog-2")["state"] == "stopped")
        assert breakable.heal() == []
        assert part(breakable, "catalog-2")["state"] == "running" and not restart.done()
        restart.result()
    assert breakable.report()["faults"] == []
    assert ask_replica(breakable).status == 200


def test_restart_is_another_process_that_is_ready(breakable: ShopClient) -> None:
    before = part(breakable, "catalog-2")
    breakable.set_fault("restart", "catalog-2")
    eventually(lambda: part(breakable, "catalog-2")["ready"])
    after = part(breakable, "catalog-2")
    assert after["started_at"] > before["started_at"]


def test_http_delay_makes_one_replica_late_and_no_other(breakable: ShopClient) -> None:
    breakable.set_fault("http_delay", "catalog-2", fixedDelay=2)
    began = time.monotonic()
    assert ask_replica(breakable).status == 200
    assert time.monotonic() - began >= 2
    breakable.heal()
    address = f"http://{part(breakable, 'catalog-2')['address']}"
    eventually(lambda: seconds_until(lambda: ask(address, "GET", PRODUCT).status == 200, 10) < 2)


def test_http_abort_makes_so_many_answers_errors(breakable: ShopClient) -> None:
    breakable.set_fault("http_abort", "catalog-2", httpStatus=500, percentage=50)
    address = f"http://{part(breakable, 'catalog-2')['address']}"
    assert {ask(address, "GET", PRODUCT).status for _ in range(20)} == {200, 500}
    breakable.heal()
    assert {ask(address, "GET", PRODUCT).status for _ in range(20)} == {200}


def test_a_fault_with_a_time_heals_by_itself(breakable: ShopClient) -> None:
    breakable.set_fault("http_abort", "catalog-2", for_s=10)
    assert [entry["fault"] for entry in breakable.report()["faults"]] == ["http_abort"]
    eventually(lambda: breakable.report()["faults"] == [], within_s=60)
    assert ask_replica(breakable).status == 200
