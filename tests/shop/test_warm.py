"""`warm` fills the caches of a running shop with what is wanted most."""

import json

import pytest

from labs.control.client import ShopClient
from tests.conftest import Cli

pytestmark = pytest.mark.servers


def products_in(shop: ShopClient) -> set[str]:
    keys = (key for node in shop.cache_entries().values() for key in node)
    return {key.removeprefix("catalog:product:") for key in keys if key.startswith("catalog:product:")}


def test_the_most_wanted_are_in_the_cache_afterwards_and_the_others_are_not(healed: ShopClient, cli: Cli) -> None:
    done = cli("warm", "--top", "5", "--name", healed.name, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["products"] == 5
    assert len(products_in(healed)) == 5 and "tea-001" in products_in(healed)


def test_without_a_number_everything_is_read(healed: ShopClient, cli: Cli) -> None:
    done = cli("warm", "--name", healed.name)
    assert done.returncode == 0 and "200 products" in done.stdout
    assert len(products_in(healed)) == 200
