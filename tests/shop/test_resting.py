"""What rests at no replica: it comes when it is asked for, and goes again. (The lane's path is never refused: orders
answers there meanwhile.)
"""

import pytest

from labs.control.client import ShopClient
from tests.conftest import Cli
from tests.shop.buying import get

pytestmark = pytest.mark.servers


def lanes(shop: ShopClient) -> list[tuple[str, bool]]:
    """The lane's replicas as `status` shows them, each with whether it is ready."""
    return [(each["name"], each["ready"]) for each in shop.status() if each["service"] == "orders-lane"]


def served_by(shop: ShopClient) -> str:
    """Which service says that there is no such path."""
    return get(shop.url, "/api/orders-lane/none").headers["x-served-by"].rpartition("-")[0]


def test_a_resting_service_comes_when_it_is_scaled_and_goes_again(healed: ShopClient, cli: Cli) -> None:
    assert (lanes(healed), served_by(healed)) == ([], "orders")

    assert cli("scale", "orders-lane=1", "--name", healed.name).returncode == 0
    assert (lanes(healed), served_by(healed)) == ([("orders-lane-1", True)], "orders-lane")

    done = cli("scale", "orders-lane=0", "--name", healed.name)
    assert "it rests" in done.stdout
    assert (lanes(healed), served_by(healed)) == ([], "orders")


def test_a_reset_sends_it_to_rest_and_healing_leaves_it(healed: ShopClient) -> None:
    healed.scale("orders-lane", 1)
    healed.heal()
    assert lanes(healed) == [("orders-lane-1", True)]

    healed.reset()
    assert lanes(healed) == []
