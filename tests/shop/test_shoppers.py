"""Whole visits and bots at the real shop: what people do there must leave it consistent."""

from collections import Counter

import pytest

from labs.control.client import ShopClient
from labs.load import poisson, run_load, sale
from labs.load.sample import BOT, BUYER

pytestmark = pytest.mark.servers


def test_shoppers_buy_once_however_often_they_click(healed: ShopClient) -> None:
    result = run_load(healed.url, poisson(12, 15, seed=4), "shoppers", seed=4)
    clicks = Counter(order.key for order in result.orders)
    placed = {(order.key, order.order_id) for order in result.orders if order.order_id}
    assert 2 in clicks.values() and len(clicks) / 3 <= len(placed) <= len(clicks)
    assert len(placed) == len({key for key, _ in placed}) == len(result.confirmed)
    assert healed.check() == []


def test_in_a_rush_people_and_bots_buy_and_nothing_is_sold_twice(healed: ShopClient) -> None:
    result = run_load(healed.url, sale(15, 8, seed=1), "rush", seed=1)
    bought = {kind: result.select(kind=kind).confirmed for kind in (BUYER, BOT)}
    assert bought[BUYER] and bought[BOT] and not set(bought[BUYER]) & set(bought[BOT])
    assert result.completed == result.started > result.offered / 2
    assert healed.check() == []
