"""One cheap measurement for real, on the session's shop; whether a budget is kept is no test's business here."""

import pytest

from labs.bench import checkout, memory, product
from labs.control.client import ShopClient

pytestmark = pytest.mark.servers


def test_memory_is_counted_once_and_split_among_all_components(shop: ShopClient) -> None:
    sample = memory.whole(shop)
    split = sample.more["split"]
    assert {"control", "nursery", "rabbitmq", "gateway", "catalog-1", "catalog-2"} <= split.keys()
    assert "other" not in split
    assert sum(split.values()) == pytest.approx(sample.value, rel=0.1)
    assert sample.value < sample.more["rss_mb"]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the nursery's pipe, in this process here
def test_the_bare_route_is_measured_in_turn_with_the_product(shop: ShopClient) -> None:
    said: list[str] = []
    (found,) = product.measure(shop, said.append, rounds=1, seconds=0.3)
    assert found.measured > 0 and found.yardstick and found.ratio
    assert len(said) == 1


def test_orders_by_sql_are_orders_like_all_others(healed: ShopClient) -> None:
    (found,) = checkout.measure(healed, lambda _: None, rounds=1, orders=8)  # raises when an invariant is violated
    assert found.ratio and found.met is None
