"""Faults of Memcached: each one's effect appears, and is gone when it is healed."""

from contextlib import closing

import pytest
from pymemcache.client.base import Client

from labs.control.client import ShopClient
from tests.shop.buying import eventually, get

pytestmark = pytest.mark.servers

SKUS = [f"{kind}-{number:03d}" for kind in ("tea", "coffee", "cup") for number in range(1, 21)]
NODES = ("memcached-1", "memcached-2", "memcached-3")


def misses_of_a_round(shop: ShopClient) -> float:
    """Ask for sixty products: how many lookups found nothing in the cache?"""
    missed = 'shop_cache_lookups_total{cache="catalog",result="miss"}'
    before = shop.metrics("catalog").get(missed, 0)
    for sku in SKUS:
        assert get(shop.url, f"/api/catalog/products/{sku}").status == 200
    return shop.metrics("catalog").get(missed, 0) - before


def misses_after_a_flush(shop: ShopClient) -> float:
    """The same, with nothing in any node."""
    for node in NODES:
        shop.set_fault("cache_flush", node)
    return misses_of_a_round(shop)


def test_cache_flush_empties_a_node_and_it_warms_up_again(breakable: ShopClient) -> None:
    few = lambda: 0 <= misses_of_a_round(breakable) <= 6  # noqa: E731  # a few may have expired
    eventually(few, within_s=60)
    eventually(lambda: misses_after_a_flush(breakable) >= 54, within_s=60)
    eventually(few, within_s=60)


def kept_of(shop: ShopClient, how_many: int) -> int:
    """Write so many things of 6 kB into a node: how many are still there then?"""
    host, port = {c["name"]: c["address"] for c in shop.status()}["memcached-2"].split(":")
    with closing(Client((host, int(port)), timeout=20)) as node:
        for number in range(how_many):
            node.set(f"thing:{number}", b"-" * 6000, 60)
        return sum(node.get(f"thing:{number}") is not None for number in range(how_many))


def test_cache_evict_leaves_room_for_fewer_things(breakable: ShopClient) -> None:
    assert kept_of(breakable, 600) == 600
    breakable.set_fault("cache_evict", "memcached-2", memory_mb=8)
    assert kept_of(breakable, 600) < 400
    assert breakable.caches()["memcached-2"]["evictions"] > 0
    breakable.heal()
    assert kept_of(breakable, 600) == 600
