"""How long the next order would wait, and what is said about it before it is taken."""

from itertools import count

import pytest

from services.orders.intake import Backlog, Intake, WarehouseFull
from tests.unit.orders_fakes import World, refuse

SLOW = Backlog(waiting=40, busy_s=8.0, shipped=24)  # in the last 5 s


def intake(policy: str, *backlogs: Backlog, limit_s: float = 3.0) -> Intake:
    """Looks again whenever it is asked, at one backlog after the other."""
    seen, seconds = iter(backlogs), iter(range(100))
    return Intake(lambda: next(seen), lambda: policy, lambda: limit_s, lambda: float(next(seconds)))


def test_the_next_order_waits_for_all_in_front_at_the_pace_of_those_that_left() -> None:
    assert SLOW.wait_s == pytest.approx(41 / 5)


def test_nobody_waits_where_nobody_is_waiting() -> None:
    assert Backlog().wait_s == 0


def test_an_order_on_its_way_through_a_quick_warehouse_is_no_backlog() -> None:
    assert Backlog(waiting=2, busy_s=0.05, shipped=0).wait_s < 0.2


def test_a_warehouse_that_ships_nothing_is_never_quick() -> None:
    assert Backlog(waiting=10, busy_s=60.0, shipped=0).wait_s >= 50


def test_above_the_limit_an_order_is_refused_until_there_is_room() -> None:
    with pytest.raises(WarehouseFull) as refused:
        intake("refuse", SLOW).admit()
    assert refused.value.extra == {"refused": True, "retry_after_s": 6}
    intake("refuse", Backlog(waiting=10, busy_s=2.0, shipped=10)).admit()


@pytest.mark.parametrize("policy", ["off", "promise_later"])
def test_only_refuse_refuses(policy: str) -> None:
    intake(policy, SLOW).admit()


def test_above_the_limit_an_order_is_promised_for_when_it_will_be_packed() -> None:
    assert intake("promise_later", SLOW).promise() == pytest.approx(41 / 5)
    assert intake("promise_later", SLOW, limit_s=10.0).promise() is None


@pytest.mark.parametrize("policy", ["off", "refuse"])
def test_only_promise_later_promises(policy: str) -> None:
    assert intake(policy, SLOW).promise() is None


def test_twice_a_second_is_often_enough_to_look() -> None:
    looks: list[Backlog] = []
    seconds = iter([0.0, 0.0, 0.3, 0.49, 0.51])
    often = Intake(lambda: looks.append(SLOW) or SLOW, lambda: "promise_later", lambda: 3.0, lambda: next(seconds))
    promises = [often.promise() for _ in range(4)]
    assert len(looks) == 2 and len(set(promises)) == 1


def test_while_nobody_can_look_the_last_figure_counts() -> None:
    looks = iter([SLOW])
    failing = Intake(lambda: next(looks, None) or refuse(), lambda: "promise_later", lambda: 3.0, count().__next__)
    assert failing.promise() == failing.promise() == pytest.approx(41 / 5)
    unseen = Intake(refuse, lambda: "promise_later", lambda: 3.0, count().__next__)
    assert unseen.promise() is None


def test_a_full_warehouse_takes_nothing_and_leaves_no_trace() -> None:
    world = World()
    world.intake.full = True
    with pytest.raises(WarehouseFull):
        world.buy()
    assert world.attempts.rows == {} and world.payments.states == {}


def test_a_key_that_failed_is_not_let_in_by_a_full_warehouse() -> None:
    world = World(tea_001=1)
    world.try_to_buy()
    world.inventory.available["tea-001"] = world.stock["tea-001"] = 5
    world.intake.full = True
    with pytest.raises(WarehouseFull):
        world.buy()
    assert world.attempts.rows["k"].round == 1


def test_who_was_let_in_is_served_however_full_it_has_become() -> None:
    world = World()
    order, _ = world.buy()
    world.intake.full = True
    assert world.buy() == (order, False)
