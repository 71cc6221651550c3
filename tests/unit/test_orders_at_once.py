"""The naive way of confirming: what is shown before anything is tried, and what becomes of it."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.common import deadline
from services.common.errors import NotFound, ShopError
from services.orders.at_once import AtOnce
from services.orders.checkout import Wanted
from tests.unit.orders_fakes import World, refuse, time_out

TEA = Wanted([("tea-001", 2)], "tok_ok")


class Later:
    """Does what was put off when it is told to."""

    def __init__(self) -> None:
        self.put_off: list[Callable[[], Any]] = []

    def submit(self, run: Callable[..., Any], *args: Any) -> None:
        self.put_off.append(lambda: run(*args))

    def do(self) -> None:
        while self.put_off:
            self.put_off.pop(0)()


@pytest.fixture
def world() -> World:
    return World(tea_001=3)


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def shop(world: World, later: Later) -> AtOnce:
    return AtOnce(world.checkout, world.attempts, world.orders, world.rounds, 3.6, lambda: True, later)


def test_an_order_is_shown_as_placed_before_anything_is_reserved_or_charged(world: World, shop: AtOnce) -> None:
    order, new = shop.check_out("k", TEA)
    assert (order.head.status, new) == ("confirmed", True)
    assert shop.find(order.head.order_id).head.status == "confirmed"
    assert world.inventory.states == world.payments.states == {} == world.orders.by_key


def test_when_all_goes_well_it_was_true_and_is_found_under_what_was_shown(
    world: World, shop: AtOnce, later: Later
) -> None:
    shown = shop.check_out("k", TEA)[0].head.order_id
    later.do()
    assert shop.find(shown).head.status == "confirmed" and world.orders.by_key["k"]
    world.settle()
    world.check()


@pytest.mark.parametrize("wanted", [Wanted([("tea-001", 9)], "tok_ok"), Wanted([("tea-001", 1)], "tok_declined")])
def test_what_stock_or_the_card_refuse_is_taken_back(world: World, shop: AtOnce, later: Later, wanted: Wanted) -> None:
    shown = shop.check_out("k", wanted)[0].head.order_id
    later.do()
    assert shop.find(shown).head.status == "cancelled"
    world.settle()
    world.check()


def test_what_surely_was_not_bought_is_taken_back_at_once(world: World, shop: AtOnce, later: Later) -> None:
    shown = shop.check_out("k", TEA)[0].head.order_id
    world.script.before[world.script.steps.index("open") + 3] = refuse  # find, reserve, then the charge
    later.do()
    assert shop.find(shown).head.status == "cancelled"


def test_what_is_not_known_stays_promised_until_it_is_settled(world: World, shop: AtOnce, later: Later) -> None:
    shown = shop.check_out("k", TEA)[0].head.order_id
    world.script.after[world.script.steps.index("open") + 4] = time_out
    later.do()
    assert shop.find(shown).head.status == "confirmed"
    world.settle()
    assert shop.find(shown).head.status == "confirmed"
    world.check()


def test_what_is_done_in_the_background_is_not_bound_by_how_long_the_shopper_waits(
    world: World, shop: AtOnce, later: Later
) -> None:
    deadline.obey({"HTTP_X_TIME_LEFT_MS": "900"})
    shop.check_out("k", TEA)
    left_s: list[float] = []
    world.script.before[len(world.script.steps)] = lambda: left_s.append(deadline.left_s())
    later.do()
    assert deadline.left_s() < 1
    deadline.forget()
    assert left_s == [math.inf]


def test_what_nobody_foresaw_in_the_background_is_in_the_log(world: World, shop: AtOnce, later: Later) -> None:
    shown = shop.check_out("k", TEA)[0].head.order_id
    world.script.before[len(world.script.steps)] = lambda: 1 // 0
    with capture_logs() as lines:
        later.do()
    assert [(line["event"], line["log_level"]) for line in lines] == [("promise_not_kept", "error")]
    assert shop.find(shown).head.status == "confirmed"


def test_what_cannot_be_written_down_is_not_promised(world: World, shop: AtOnce, later: Later) -> None:
    world.script.before[0] = refuse
    with pytest.raises(ShopError):
        shop.check_out("k", TEA)
    assert later.put_off == []
    with pytest.raises(NotFound):
        shop.find("k")
