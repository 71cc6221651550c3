"""The wire as a part of the shop: who runs through it, and that it comes and goes like every other part."""

import os
from collections.abc import Iterator

import pytest

from compose.wire.client import Wire
from labs.control.client import ShopClient
from tests.conftest import bring_up, take_down
from tests.shop.buying import buy, eventually

pytestmark = pytest.mark.servers


def wire(shop: ShopClient) -> Wire:
    """Its API, where `status` says it is."""
    return Wire(shop.report()["wire_url"].removeprefix("http://"))


def test_the_wire_is_listed_and_reachable(shop: ShopClient) -> None:
    report = shop.report()
    assert report["wired"] is True
    assert [c["kind"] for c in report["components"] if c["name"] == "wire"] == ["wire"]
    names = wire(shop).proxies().keys()
    assert {"postgres-2:postgres-1", "gateway:payments-1"} <= names
    client = "catalog-1" if shop.runtime == "local" else "catalog"
    assert {f"{client}:memcached-1", f"{client}:postgres-2"} <= names


def test_a_replica_that_comes_later_has_its_own_links_until_it_goes(shop: ShopClient) -> None:
    shop.scale("catalog", 3)
    try:
        assert "catalog-3:postgres-2" in wire(shop).proxies()
    finally:
        shop.scale("catalog", 2)
    assert "catalog-3:postgres-2" not in wire(shop).proxies()


def test_a_killed_wire_comes_back_with_all_links_and_the_shop_sells_on(shop: ShopClient) -> None:
    shop.scale("payments", 2)
    before = wire(shop).proxies().keys()
    shop.set_fault("process_kill", "wire")
    assert buy(shop.url).status not in (200, 201)
    assert shop.heal() == []
    assert wire(shop).proxies().keys() == before
    eventually(lambda: buy(shop.url).status == 201)
    shop.scale("payments", 1)
    assert shop.check() == []


@pytest.fixture
def unwired() -> Iterator[ShopClient]:
    """A shop of its own."""
    name = f"test-unwired-{os.getpid()}"
    bring_up(name, "--runtime", "local", "--no-wire")
    try:
        yield ShopClient.of(name)
    finally:
        take_down(name)


def test_a_shop_without_the_wire_sells_and_says_that_it_has_none(unwired: ShopClient) -> None:
    report = unwired.report()
    assert (report["wired"], report["wire_url"]) == (False, None)
    assert "wire" not in [c["name"] for c in report["components"]]
    assert buy(unwired.url).status == 201
