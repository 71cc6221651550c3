"""A flag reaches every replica within a second, also while the stores it is kept in are away."""

import time
from urllib.request import urlopen

import pytest

from labs.control.client import ControlFailed, ShopClient
from tests.shop.buying import buy, eventually

pytestmark = pytest.mark.servers


def value(shop: ShopClient, name: str) -> object:
    return next(flag["value"] for flag in shop.flags() if flag["name"] == name)


def pack_time(shop: ShopClient) -> float:
    """Seconds from paying to the parcel, with nobody else in the queue."""
    order = buy(shop.url).body["order_id"]
    began = time.monotonic()
    shipped = f"select 1 from fulfilment.shipments where order_id = '{order}'"
    eventually(lambda: bool(shop.rows(shipped)), within_s=20)
    return time.monotonic() - began


def test_a_flag_changes_the_running_shop_at_once_and_default_gives_it_back(healed: ShopClient) -> None:
    assert healed.set_flag("fulfilment.pack_ms", 1500) == 1500.0
    assert pack_time(healed) >= 1.4
    assert healed.set_flag("fulfilment.pack_ms", "default") == 5.0
    assert pack_time(healed) < 1.4


def test_a_worker_that_restarts_while_the_caches_are_empty_still_knows_the_flags(healed: ShopClient) -> None:
    healed.set_flag("fulfilment.pack_ms", 1500)
    for node in (1, 2, 3):
        healed.set_fault("restart", f"memcached-{node}")
    healed.set_fault("restart", "fulfilment-1")
    assert pack_time(healed) >= 1.4


def test_the_last_known_flags_stay_while_postgres_and_memcached_are_away(healed: ShopClient) -> None:
    healed.set_flag("fulfilment.pack_ms", 700)
    for part in ("memcached-1", "memcached-2", "memcached-3", "postgres-1"):
        healed.set_fault("process_kill", part)
    time.sleep(1)
    healed.heal()
    assert pack_time(healed) >= 0.6


def test_reset_puts_every_flag_back(healed: ShopClient) -> None:
    healed.set_flag("fulfilment.pack_ms", 1500)
    healed.reset()
    assert value(healed, "fulfilment.pack_ms") == 5.0
    assert pack_time(healed) < 1.4


def test_an_unknown_flag_or_value_is_refused_with_what_would_do(healed: ShopClient) -> None:
    with pytest.raises(ControlFailed, match=r"fulfilment\.pack_ms") as unknown:
        healed.set_flag("fulfilment.pack_s", 1)
    assert unknown.value.unknown
    with pytest.raises(ControlFailed, match="number"):
        healed.set_flag("fulfilment.pack_ms", "soon")


def test_instruments_read_metrics_queues_caches_and_tables_but_change_nothing(healed: ShopClient) -> None:
    buy(healed.url)
    urlopen(f"{healed.url}/api/catalog/products/tea-001").close()
    assert any(name.startswith("shop_request_seconds_count") for name in healed.metrics("orders"))
    assert healed.queues()["fulfilment"] >= 0
    assert set(healed.caches()) == {"memcached-1", "memcached-2", "memcached-3"}
    assert any(key.startswith("catalog:") for node in healed.cache_entries().values() for key in node)
    assert healed.rows("select count(*) as orders from orders.orders")[0]["orders"] >= 1
    with pytest.raises(ControlFailed, match="read-only"):
        healed.rows("delete from orders.orders")
