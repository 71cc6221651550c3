"""Faults that come from outside, as too many shoppers do: the effect appears, and is gone when it is healed."""

import pytest

from labs.control.client import ControlFailed, ShopClient
from tests.shop.buying import eventually
from tests.shop.inside import seconds_until

pytestmark = pytest.mark.servers

LOOKUPS = (
    'shop_cache_lookups_total{cache="catalog",result="hit"}',
    'shop_cache_lookups_total{cache="catalog",result="miss"}',
)


def lookups(shop: ShopClient) -> float:
    """How often the catalogue was asked for something."""
    counted = shop.metrics("catalog")
    return sum(counted.get(name, 0) for name in LOOKUPS)


def rise(shop: ShopClient, by: float, at_most_s: float) -> float:
    """Seconds until the catalogue was asked so many times more."""
    before = lookups(shop)
    return seconds_until(lambda: lookups(shop) >= before + by, at_most_s)


@pytest.mark.parametrize("fault", ["load_spike", "hot_key"])
def test_a_crowd_comes_and_goes_home(breakable: ShopClient, fault: str) -> None:
    breakable.set_fault(fault, "gateway", rate=60, duration_s=120)
    assert rise(breakable, by=100, at_most_s=60) < 60
    breakable.heal()
    eventually(lambda: rise(breakable, by=30, at_most_s=2) == 2)


def test_a_crowd_goes_home_by_itself_after_its_time(breakable: ShopClient) -> None:
    breakable.set_fault("load_spike", "gateway", rate=60, ramp_s=0, duration_s=1)
    eventually(lambda: rise(breakable, by=20, at_most_s=1.5) == 1.5)


def test_a_mix_that_is_none_names_the_right_ones(shop: ShopClient) -> None:
    with pytest.raises(ControlFailed, match="browse"):
        shop.set_fault("load_spike", "gateway", mix="brows")
