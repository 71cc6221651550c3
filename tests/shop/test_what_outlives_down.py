"""A lane, a sale and an empty shelf are still there after `down`: the shop comes up all the same."""

import os
from collections.abc import Callable, Iterator

import pytest

from compose import places
from labs.control.client import ShopClient
from tests.conftest import bring_up, run_cli, take_down

pytestmark = pytest.mark.servers
Change = Callable[[ShopClient], object]


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    chosen = f"again-{os.getpid()}"
    bring_up(chosen, "--runtime", "local")
    try:
        yield chosen
    finally:
        take_down(chosen)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda shop: (shop.lane("tea-001"), shop.restock("tea-002", 0)), id="lane and empty shelf"),
        pytest.param(lambda shop: run_cli("sale", "start", "tea-001", "--name", shop.name), id="sale"),
    ],
)
def test_the_first_order_is_of_something_that_can_be_had(name: str, change: Change) -> None:
    change(ShopClient.of(name))
    assert run_cli("down", "--name", name).returncode == 0
    assert bring_up(name, "--runtime", "local")["order_status"] == "shipped"
    ShopClient.of(name).reset()


def test_a_log_is_shown_though_the_shop_is_down(name: str) -> None:
    assert run_cli("down", "--name", name).returncode == 0
    (places.folder(name) / "logs" / "orders-1.log").write_text("first\nlast\n")
    said = run_cli("logs", "orders-1", "--tail", "1", "--name", name)
    assert (said.returncode, said.stdout) == (0, "last\n")
    assert run_cli("logs", "nobody", "--name", name).returncode == 1
    bring_up(name, "--runtime", "local")
