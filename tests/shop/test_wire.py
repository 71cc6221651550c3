"""The wire as a part of the shop: who runs through it, and that it comes and goes like every other part."""

import os
from collections.abc import Iterator

import pytest

from compose.wire.client import Wire
from labs.control.client import ControlFailed, ShopClient
from tests.conftest import bring_up, take_down
from tests.shop.buying import buy, buy_once

pytestmark = pytest.mark.servers


def wire(shop: ShopClient) -> Wire:
    """Its API, where `status` says it is."""
    return Wire(shop.report()["wire_url"].removeprefix("http://"))


def test_the_wire_is_listed_and_reachable(any_shop: ShopClient) -> None:
    report = any_shop.report()
    assert report["wired"] is True
    assert [c["kind"] for c in report["components"] if c["name"] == "wire"] == ["wire"]
    names = wire(any_shop).proxies().keys()
    assert {"postgres-2:postgres-1", "gateway:payments-1"} <= names
    client = "catalog-1" if any_shop.runtime == "local" else "catalog"
    assert {f"{client}:memcached-1", f"{client}:postgres-2"} <= names


def test_a_replica_that_comes_later_has_its_own_links_and_their_faults_until_it_goes(shop: ShopClient) -> None:
    shop.set_fault("latency", "catalog:postgres", latency=1)
    shop.scale("catalog", 3)
    try:
        assert wire(shop).proxies()["catalog-3:postgres-2"]["toxics"]
    finally:
        shop.scale("catalog", 2)
        shop.heal()
    assert "catalog-3:postgres-2" not in wire(shop).proxies()


def test_a_killed_wire_comes_back_with_all_links_and_the_shop_sells_on(any_shop: ShopClient) -> None:
    any_shop.scale("payments", 2)
    try:
        before = wire(any_shop).proxies().keys()
        any_shop.set_fault("process_kill", "wire")
        assert not buy_once(any_shop.url).sold
        assert any_shop.heal() == []
        assert wire(any_shop).proxies().keys() == before
        assert buy(any_shop.url).sold
    finally:
        any_shop.scale("payments", 1)
    assert any_shop.check() == []


@pytest.fixture
def unwired() -> Iterator[ShopClient]:
    """A shop of its own."""
    name = f"test-unwired-{os.getpid()}"
    bring_up(name, "--runtime", "local", "--no-wire")
    try:
        yield ShopClient.of(name)
    finally:
        take_down(name)


def test_a_shop_without_the_wire_sells_and_says_what_it_cannot_do(unwired: ShopClient) -> None:
    report = unwired.report()
    assert (report["wired"], report["wire_url"]) == (False, None)
    assert "wire" not in [c["name"] for c in report["components"]]
    assert buy(unwired.url).sold
    with pytest.raises(ControlFailed, match="up without --no-wire"):
        unwired.set_fault("latency", "catalog:postgres")
