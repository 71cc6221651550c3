"""The replica is behind: who sees what they have just bought?"""

import pytest

from labs.control.client import ShopClient
from tests.shop.buying import ask, buy, eventually

pytestmark = pytest.mark.servers


@pytest.fixture
def behind(healed: ShopClient) -> ShopClient:
    """A shop whose replica gets nothing new."""
    healed.set_fault("replay_pause", "postgres-2")
    return healed


def seen(shop: ShopClient, order: str) -> set[int]:
    """What the order's page and its JSON are answered with."""
    return {ask(shop.url, "GET", path).status for path in (f"/orders/{order}", f"/api/orders/{order}")}


def test_who_has_just_bought_sees_the_order_however_far_the_replica_is_behind(behind: ShopClient) -> None:
    assert seen(behind, buy(behind.url).body["order_id"]) == {200}


def test_without_protection_the_order_is_not_there_until_the_replica_has_it(behind: ShopClient) -> None:
    behind.set_flag("orders.read_your_writes", "off")
    order = buy(behind.url).body["order_id"]
    assert seen(behind, order) == {404}
    assert behind.heal() == []
    eventually(lambda: seen(behind, order) == {200})


def test_without_protection_and_without_a_replica_orders_are_read_at_the_primary(healed: ShopClient) -> None:
    healed.set_flag("orders.read_your_writes", "off")
    healed.set_fault("replica_stop", "postgres-2")
    order = buy(healed.url).body["order_id"]
    eventually(
        lambda: seen(healed, order) == {200}
    )  # whoever asks first waits for a connection, longer than a page may
