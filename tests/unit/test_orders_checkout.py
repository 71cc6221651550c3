"""The order path, step by step, with everything around it in memory."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from services.common.errors import Declined, Invalid, Refused, TimedOut, Unavailable
from services.orders.checkout import Wanted
from services.orders.rounds import OutOfStock
from tests.unit.orders_fakes import PATH, Crash, World, crash, refuse, time_out


def test_an_order_is_made_in_the_order_of_the_design() -> None:
    world = World()
    order, new = world.buy()
    assert new and order.head.total_cents == 1000
    assert world.script.steps == PATH
    world.check()


def test_the_same_key_again_is_the_same_order_and_asks_nobody_else() -> None:
    world = World()
    first, _ = world.buy()
    world.script.steps.clear()
    second, new = world.buy()
    assert second == first and not new
    assert world.script.steps == ["find", "of_key"]


def test_the_same_key_with_another_body_is_refused() -> None:
    world = World()
    world.buy(quantity=2)
    with pytest.raises(Invalid):
        world.buy(quantity=3)


def test_the_order_of_the_lines_does_not_make_another_body() -> None:
    lines = [("tea-001", 1), ("cup-001", 2)]
    assert Wanted(lines, "tok_ok").fingerprint == Wanted(lines[::-1], "tok_ok").fingerprint


def test_who_was_refused_on_purpose_hears_by_what_and_for_how_long() -> None:
    def shed() -> None:
        raise Refused("there is too much to do", by="shedding", retry_after_s=4)

    world = World()
    world.script.before[PATH.index("reserve")] = shed
    with pytest.raises(Refused, match="ask again with the same Idempotency-Key") as refused:
        world.buy()
    told = {"refused": True, "reason": "there is too much to do", "by": "shedding", "retry_after_s": 4}
    assert refused.value.extra == told


def test_an_unknown_product_leaves_no_trace() -> None:
    world = World()
    with pytest.raises(Invalid):
        world.buy(sku="moon-001")
    assert world.attempts.rows == {}


@pytest.mark.parametrize("step", range(len(PATH)))
@pytest.mark.parametrize("trouble", [crash, time_out, refuse])
def test_after_a_failure_before_any_step_the_same_key_makes_one_order(step: int, trouble: Callable[[], None]) -> None:
    world = World()
    world.script.before[step] = trouble
    with pytest.raises((Crash, TimedOut, Unavailable)):
        world.buy()
    order, _ = world.buy()
    world.settle()
    world.check()
    assert world.orders.by_key["k"] == order


@pytest.mark.parametrize("step", range(len(PATH)))
@pytest.mark.parametrize("trouble", [crash, time_out])
def test_after_a_lost_answer_of_any_step_the_same_key_makes_one_order(step: int, trouble: Callable[[], None]) -> None:
    world = World()
    world.script.after[step] = trouble
    with pytest.raises((Crash, TimedOut)):
        world.buy()
    world.buy()
    world.settle()
    world.check()
    assert len(world.orders.by_key) == 1


@pytest.mark.parametrize("step", range(len(PATH)))
@pytest.mark.parametrize("when", ["before", "after"])
def test_whoever_never_comes_back_is_settled_without_them(step: int, when: str) -> None:
    world = World()
    getattr(world.script, when)[step] = crash
    world.try_to_buy()
    world.settle()
    world.check()
    charge = PATH.index("charge")
    charged = step > charge or (step == charge and when == "after")
    assert len(world.orders.by_key) == (1 if charged else 0)


@pytest.mark.parametrize("step", range(len(PATH)))
def test_a_double_click_at_any_moment_makes_one_order_that_both_see(step: int) -> None:
    world = World()
    clicks: list[tuple[str, bool]] = []

    def click() -> None:
        order, new = world.buy()
        clicks.append((order.head.order_id, new))

    world.script.before[step] = click
    click()
    assert len({order_id for order_id, _ in clicks}) == 1
    assert sorted(new for _, new in clicks) == [False, True]
    world.check()


def test_out_of_stock_is_said_and_a_later_retry_may_succeed() -> None:
    world = World(tea_001=1)
    with pytest.raises(OutOfStock):
        world.buy(quantity=2)
    assert "charge" not in world.script.steps and "refund" not in world.script.steps
    world.inventory.available["tea-001"] = world.stock["tea-001"] = 5
    _, new = world.buy(quantity=2)
    assert new and world.attempts.rows["k"].round == 2
    world.check()


@pytest.mark.parametrize("trouble", [time_out, refuse])
def test_out_of_stock_is_said_also_when_payments_cannot_say_whether_it_was_paid_for(
    trouble: Callable[[], None],
) -> None:
    world = World(tea_001=1)
    world.script.before[PATH.index("charge")] = trouble  # the first question to payments
    with pytest.raises(OutOfStock):
        world.buy(quantity=2)
    assert world.attempts.rows["k"].state == "failing"
    world.settle()
    world.check()


def test_a_declined_card_gives_the_stock_back_and_stays_declined() -> None:
    world = World()
    for _ in range(2):
        with pytest.raises(Declined):
            world.buy(token="tok_declined")
    assert world.inventory.available["tea-001"] == 10
    assert world.script.steps.count("charge") == 1
    world.check()


def test_a_reservation_that_expired_while_paying_is_taken_again() -> None:
    world = World()
    world.script.before[PATH.index("commit")] = world.inventory.expire
    _, new = world.buy()
    assert new
    world.check()


def test_money_is_given_back_when_the_stock_was_sold_to_somebody_else_meanwhile() -> None:
    world = World(tea_001=2)

    def lose_it() -> None:
        world.inventory.expire()
        world.buy(key="quicker")

    world.script.before[PATH.index("commit")] = lose_it
    with pytest.raises(OutOfStock):
        world.buy(key="slower")
    assert "refunded" in world.payments.states.values()
    assert world.attempts.rows["slower"].state == "failed"
    world.check()


def lose_to_a_quicker_one(world: World) -> None:
    """A primary is lost with the reservation, and somebody else takes the last pieces."""
    world.inventory.lose()
    world.buy(key="quicker")


def test_money_is_given_back_when_a_lost_primary_took_the_reservation_and_others_the_stock() -> None:
    world = World(tea_001=2)
    world.script.before[PATH.index("commit")] = lambda: lose_to_a_quicker_one(world)
    with pytest.raises(OutOfStock):
        world.buy(key="slower")
    assert "refunded" in world.payments.states.values()
    world.check()


@pytest.mark.parametrize("who", ["the client", "the reconciler"])
def test_who_died_after_the_charge_gets_the_money_back_when_the_stock_is_gone(who: str) -> None:
    world = World(tea_001=2)
    world.script.after[PATH.index("charge")] = crash
    world.try_to_buy(key="slower")
    lose_to_a_quicker_one(world)
    if who == "the client":
        with pytest.raises(OutOfStock):
            world.buy(key="slower")
    world.settle()
    world.check()


def test_so_does_who_asks_again_when_the_attempt_was_lost_too() -> None:
    world = World(tea_001=2)
    world.script.after[PATH.index("charge")] = crash
    world.try_to_buy(key="slower")
    world.attempts.rows.clear()
    lose_to_a_quicker_one(world)
    with pytest.raises(OutOfStock):
        world.buy(key="slower")
    world.check()


def test_a_charge_that_comes_after_a_second_click_was_told_out_of_stock_is_given_back() -> None:
    world = World(tea_001=2)

    def click_again() -> None:
        lose_to_a_quicker_one(world)
        with pytest.raises(OutOfStock):
            world.buy(key="slower")

    world.script.before[PATH.index("charge")] = click_again
    with pytest.raises(OutOfStock):
        world.buy(key="slower")
    assert "refunded" in world.payments.states.values()
    world.check()


@pytest.mark.parametrize("step", [PATH.index(name) for name in ("reserve", "charge", "commit", "place")])
def test_a_request_that_wakes_up_after_the_reconciler_never_says_placed_when_it_is_not(step: int) -> None:
    world = World()
    world.script.before[step] = world.reconciler.reconcile
    world.try_to_buy()
    world.settle()
    world.check()
    world.buy()
    world.check()


@pytest.mark.parametrize("step", [PATH.index(name) for name in ("resume", "reserve", "charge", "commit", "place")])
def test_an_attempt_that_a_lost_primary_took_with_it_is_finished_by_who_works_on_it(step: int) -> None:
    world = World()
    world.script.before[step] = world.attempts.rows.clear
    assert world.buy()[1]
    assert world.attempts.rows["k"].state == "done"
    world.check()


def test_a_round_that_a_lost_primary_took_with_it_is_given_up_by_who_works_on_it() -> None:
    world = World(tea_001=2)

    def lose_it() -> None:
        world.inventory.expire()
        world.buy(key="quicker")
        del world.attempts.rows["slower"]

    world.script.before[PATH.index("commit")] = lose_it
    with pytest.raises(OutOfStock):
        world.buy(key="slower")
    assert world.attempts.rows["slower"].state == "failed"
    world.check()


@pytest.mark.parametrize("who", ["the client", "the reconciler"])
def test_an_order_that_a_lost_primary_took_with_it_comes_back_under_the_id_that_was_announced(who: str) -> None:
    world = World()
    world.buy()
    world.lose(steps=1)
    assert not world.orders.by_key and "charged" in world.payments.states.values()
    if who == "the client":
        world.buy()
    world.settle()
    assert world.orders.by_key["k"].head.order_id == world.orders.announced["k"]
    world.check()


def second_round(world: World, overtaken: Callable[[], object]) -> None:
    """A round is refused, the next reserves; then a lost primary forgets both rounds' ends, and something happens."""
    world.inventory.empty = True
    world.try_to_buy()
    world.inventory.empty = False
    world.script.clear()

    def lose() -> None:
        world.lose(steps=8)
        assert (world.attempts.rows["k"].round, world.attempts.rows["k"].state) == (1, "pending")
        overtaken()

    world.script.before[3] = lose  # find, next_round, reserve


def test_a_later_round_is_undone_when_an_earlier_one_that_came_back_was_placed_meanwhile() -> None:
    world = World()
    second_round(world, world.buy)
    order, new = world.buy()
    assert not new and order == world.orders.by_key["k"]
    assert sorted(world.payments.states.values()) == ["charged", "refunded"]
    world.check()


def test_a_later_round_that_fails_leaves_an_earlier_one_placed_that_came_back() -> None:
    world = World(tea_001=2)
    second_round(world, world.buy)
    with pytest.raises(OutOfStock):
        world.buy()
    assert not world.buy()[1]
    world.check()


def test_a_later_round_first_undoes_an_earlier_one_that_came_back_unfinished() -> None:
    world = World()

    def pay_and_die() -> None:
        world.script.after[len(world.script.steps) + PATH.index("commit") - 2] = crash  # nothing is opened
        world.try_to_buy()

    second_round(world, pay_and_die)
    _, new = world.buy()
    assert new and world.attempts.rows["k"].round == 2
    assert sorted(world.payments.states.values()) == ["charged", "refunded"]
    world.check()


def test_a_later_round_that_is_given_up_leaves_no_earlier_one_behind_that_came_back() -> None:
    world = World(tea_001=2)

    def expire() -> None:
        world.inventory.expire()
        world.buy(key="quicker")

    second_round(world, lambda: None)
    world.script.before[4] = expire  # find, next_round, reserve, charge, commit
    with pytest.raises(OutOfStock):
        world.buy()
    assert (world.attempts.rows["k"].round, world.attempts.rows["k"].state) == (2, "failed")
    world.check()


def test_what_cannot_be_settled_holds_up_no_other() -> None:
    world = World()
    for key in "ab":
        world.script.after[PATH.index("charge")] = crash
        world.try_to_buy(key=key)
        world.script.clear()
    world.script.before[0] = lambda: 1 // 0
    with capture_logs() as lines:
        world.reconciler.reconcile()
    assert [attempt.state for attempt in world.attempts.rows.values()] == ["pending", "done"]
    assert [line["log_level"] for line in lines] == ["error", "info"]
    world.settle()
    world.check()


def test_a_charge_that_comes_after_its_round_was_given_up_takes_no_money() -> None:
    world = World()
    world.script.before[PATH.index("charge")] = world.reconciler.reconcile
    with pytest.raises(Unavailable):
        world.buy()
    assert "charged" not in world.payments.states.values()
    world.check()


def test_stock_that_was_kept_for_a_round_given_up_meanwhile_comes_back() -> None:
    world = World()
    world.script.before[PATH.index("charge")] = crash
    world.try_to_buy()
    world.script.clear()
    world.script.before[6] = crash  # state, then a retry: find, resume, reserve, charge, commit, and dies before place
    world.script.after[0] = world.try_to_buy
    world.reconciler.reconcile()
    assert list(world.payments.states.values()) == ["refunded"]
    world.check()


def test_what_a_failed_undo_left_is_undone_by_the_retry() -> None:
    world = World()
    world.script.before[PATH.index("charge")] = crash
    world.try_to_buy()
    world.script.clear()
    world.script.before[2] = time_out  # state, give_up, refund
    world.reconciler.reconcile()
    assert world.attempts.rows["k"].state == "failing"
    world.script.clear()
    _, new = world.buy()
    assert new and world.attempts.rows["k"].round == 2
    world.check()


def test_a_price_change_between_two_tries_does_not_change_what_is_charged() -> None:
    world = World()
    world.script.before[PATH.index("charge")] = time_out
    world.try_to_buy()
    world.catalog.prices["tea-001"] = 9999
    order, _ = world.buy()
    assert order.head.total_cents == 1000


def test_no_step_is_begun_when_the_time_is_over() -> None:
    world = World()

    def dawdle() -> None:
        world.now = 4.0

    world.script.after[PATH.index("reserve")] = dawdle
    with pytest.raises(TimedOut, match="same Idempotency-Key"):
        world.buy()
    assert "charge" not in world.script.steps


def test_a_refusal_after_the_charge_is_told_as_may_have_happened() -> None:
    world = World()
    world.script.before[PATH.index("commit")] = refuse
    with pytest.raises(TimedOut):
        world.buy()
