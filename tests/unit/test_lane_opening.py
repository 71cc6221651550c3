"""The order of the steps that open and close the lane."""

from collections.abc import Mapping
from typing import Any

import pytest

from compose.runtime.verbs import UnknownComponent
from labs.control.lane import close_lane, open_lane


class Shop:
    """Notes what is done; sells one item; `packing` says how often it is still at the lane's parcels when asked."""

    def __init__(self, packing: int = 0) -> None:
        self.steps: list[str] = []
        self.replicas = {"orders-lane": 0, "fulfilment-lane": 0}
        self.packing = packing

    def members(self, service: str) -> list[str]:
        return [service] * self.replicas[service]

    def scale(self, service: str, replicas: int) -> None:
        self.steps.append(f"{service}={replicas}")
        self.replicas[service] = replicas

    def set_flag(self, name: str, text: str) -> None:
        self.steps.append(f"{name}={text}")

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        if "inventory.stock" in query:
            return [{}] if values == {"sku": "pot-020"} else []
        self.packing -= 1
        self.steps.append("packing" if self.packing >= 0 else "packed")
        return [{}] if self.packing >= 0 else []


def test_replicas_come_before_buyers() -> None:
    shop = Shop()
    open_lane(shop, "pot-020")
    assert shop.steps == ["fulfilment-lane=1", "orders-lane=1", "orders.hot_item=pot-020"]


def test_replicas_that_are_there_stay_as_many_as_they_are() -> None:
    shop = Shop()
    shop.replicas["orders-lane"] = 3
    open_lane(shop, "pot-020")
    assert shop.replicas == {"orders-lane": 3, "fulfilment-lane": 1}


@pytest.mark.parametrize("sku", ["pot-021", "", "' or true --"])
def test_what_is_not_sold_gets_no_lane(sku: str) -> None:
    shop = Shop()
    with pytest.raises(UnknownComponent, match="there is no item"):
        open_lane(shop, sku)
    assert shop.steps == []


def test_buyers_leave_first_and_the_packer_when_its_parcels_are_packed() -> None:
    shop = Shop(packing=1)
    shop.replicas = {"orders-lane": 1, "fulfilment-lane": 1}
    close_lane(shop)
    assert shop.steps == ["orders.hot_item=default", "orders-lane=0", "packing", "packed", "fulfilment-lane=0"]


def test_a_packer_that_takes_too_long_leaves_the_rest_to_others() -> None:
    shop = Shop(packing=1000)
    shop.replicas = {"orders-lane": 1, "fulfilment-lane": 1}
    close_lane(shop, within_s=0)
    assert shop.steps[-1] == "fulfilment-lane=0"
