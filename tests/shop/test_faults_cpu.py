"""Faults of the processor: each one's effect appears, and is gone when it is healed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from labs.control import place
from labs.control.client import ShopClient
from labs.faults.cpu_stress import BUSY
from tests.shop.buying import ask, eventually, get

pytestmark = pytest.mark.servers


@contextmanager
def busy_with(address: str) -> Iterator[None]:
    """Four who ask one replica again and again."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            ask(f"http://{address}", "GET", "/api/catalog/products/tea-001")

    askers = [threading.Thread(target=go_on) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        yield
    finally:
        over.set()
        for asker in askers:
            asker.join()


def cpus_used(pid: int, seconds: float = 2.0) -> float:
    """By a process and its descendants, in processors."""
    root = psutil.Process(pid)
    family = [root, *root.children(recursive=True)]
    count = lambda: sum(sum(member.cpu_times()[:2]) for member in family)  # noqa: E731
    began, before = time.monotonic(), count()
    time.sleep(seconds)
    return float(count() - before) / (time.monotonic() - began)


def test_cpu_limit_holds_a_replica_to_its_share(breakable: ShopClient) -> None:
    catalog = {component["name"]: component for component in breakable.status()}["catalog-1"]
    with busy_with(catalog["address"]):
        free = cpus_used(catalog["pid"])
        breakable.set_fault("cpu_limit", "catalog-1", cpus=0.05)
        time.sleep(0.2)
        assert cpus_used(catalog["pid"]) < min(0.12, free)
        breakable.heal()
        assert cpus_used(catalog["pid"], 1.0) > 0.12


def test_what_was_paused_stays_paused_though_its_processor_is_limited(breakable: ShopClient) -> None:
    breakable.set_fault("cpu_limit", "cart-1", cpus=0.05)
    breakable.set_fault("process_pause", "cart-1")
    time.sleep(0.5)
    cart = {component["name"]: component for component in breakable.status()}["cart-1"]
    assert cart["state"] == "paused"
    assert psutil.Process(cart["pid"]).status() == psutil.STATUS_STOPPED or cart["container"]
    breakable.heal()
    assert get(breakable.url, "/api/cart/items").status == 200


def busy_ones(shop: ShopClient) -> list[psutil.Process]:
    control = psutil.Process(place.find(shop.name).pid)
    return [child for child in control.children() if BUSY in child.cmdline()]


def test_cpu_stress_uses_as_many_cores_as_asked_and_ends(breakable: ShopClient) -> None:
    breakable.set_fault("cpu_stress", "machine", workers=2, load=100)
    workers = busy_ones(breakable)
    assert len(workers) == 2
    eventually(lambda: all(sum(worker.cpu_times()[:2]) > 0.5 for worker in workers), within_s=10)
    breakable.heal()
    assert busy_ones(breakable) == []


def test_cpu_stress_ends_by_itself_after_its_time(breakable: ShopClient) -> None:
    breakable.set_fault("cpu_stress", "machine", workers=1, load=10, duration_s=1)
    (worker,) = busy_ones(breakable)
    worker.wait(8)
