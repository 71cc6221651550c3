"""Control is killed in the middle of faults whose traces are on disk: the next start finds them and undoes them."""

import os
import signal

import psutil
import pytest

from compose import places
from labs.control import place
from labs.control.client import ShopClient
from tests.conftest import bring_up, run_cli, take_down
from tests.shop.buying import buy, eventually

pytestmark = pytest.mark.servers
ORDERS = "select count(*) as orders from orders.orders"


def kill_control(name: str) -> None:
    daemon = psutil.Process(place.find(name).pid)
    family = daemon.children(recursive=True)
    os.kill(daemon.pid, signal.SIGKILL)
    assert psutil.wait_procs([daemon, *family], timeout=30)[1] == []


def test_after_control_was_killed_the_next_up_undoes_what_was_on_disk() -> None:
    name = f"outlived-{os.getpid()}"
    bring_up(name, "--runtime", "local")
    try:
        shop = ShopClient.of(name)
        shop.set_fault("replication_lag", "postgres-2", delay_s=600)
        shop.set_fault("queue_limit", "rabbitmq", **{"x-max-length": 1})
        shop.set_fault("process_pause", "cart-1")
        shop.set_fault("cpu_stress", "machine", duration_s=600)
        kill_control(name)
        bring_up(name, "--runtime", "local")
        shop = ShopClient.of(name)
        assert shop.report()["faults"] == []
        assert shop.rows("show recovery_min_apply_delay", "postgres-2") == [{"recovery_min_apply_delay": "0"}]
        shop.set_fault("consumer_pause", "fulfilment")
        assert all(buy(shop.url).sold for _ in range(15))
        eventually(lambda: shop.queues()["fulfilment"] >= 5, within_s=30)  # more than one; the paused one holds ten
        assert shop.heal() == [] and shop.check() == []
        if os.geteuid() == 0:
            fill_a_disk_and_start_again(shop)
    finally:
        take_down(name)


@pytest.mark.parametrize("table", ["inventory.stock", "catalog.products"])
def test_a_table_that_the_seed_needs_is_brought_back_by_the_next_up(table: str) -> None:
    name = f"dropped-{os.getpid()}"
    bring_up(name, "--runtime", "local")
    try:
        ShopClient.of(name).set_fault("table_drop", "postgres-1", table=table)
        assert run_cli("down", "--name", name).returncode == 0
        bring_up(name, "--runtime", "local")
        shop = ShopClient.of(name)
        assert shop.report()["faults"] == [] and buy(shop.url).sold and shop.check() == []
    finally:
        take_down(name)


def fill_a_disk_and_start_again(shop: ShopClient) -> None:
    shop.set_fault("disk_fill", "postgres-2")
    kill_control(shop.name)
    bring_up(shop.name, "--runtime", "local")
    assert not os.path.ismount(places.folder(shop.name) / "data" / "postgres-2")
    shop = ShopClient.of(shop.name)
    eventually(lambda: shop.rows(ORDERS, "postgres-2") == shop.rows(ORDERS, "postgres-1"), within_s=30)
