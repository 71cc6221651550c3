"""The door of the order path: the item of a sale is sold to whose turn it is, once; nothing else changes."""

import pytest

from services.common.papers import Paper, Papers
from services.orders.door import Door, NotAdmitted, TooMany
from services.orders.orders import Order
from services.orders.rounds import OutOfStock
from tests.unit.orders_fakes import PATH, World, time_out

SALE = "tea-001~100"
PAPERS = Papers("a secret")


def admission(sale: str = SALE, until_s: int = 200, papers: Papers = PAPERS) -> str:
    return papers.write(Paper("admission", sale, 7, "ab12", until_s))


def test_without_a_sale_and_for_other_items_nobody_asks() -> None:
    assert Door(PAPERS, lambda: "").admit([("tea-001", 1)], "") is None
    assert Door(PAPERS, lambda: SALE).admit([("cup-001", 1)], "") is None


def test_who_shows_an_admission_comes_in_also_with_other_things_in_the_basket() -> None:
    door = Door(PAPERS, lambda: SALE, lambda: 199.0)
    assert door.admit([("cup-001", 3), ("tea-001", 1)], admission()) == "tea-001~100.7.ab12"


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ("", "none"),
        ("nonsense", "forged"),
        (admission().replace(".7.", ".1."), "forged"),
        (admission(papers=Papers("a guess")), "forged"),
        (PAPERS.write(Paper("ticket", SALE, 7, "ab12")), "forged"),
        (admission("tea-001~50"), "another-sale"),
        (admission("cup-001~100"), "another-sale"),
        (admission(until_s=198), "expired"),
    ],
)
def test_whatever_else_is_shown_leads_to_the_waiting_room(shown: str, why: str) -> None:
    with pytest.raises(NotAdmitted) as refused:
        Door(PAPERS, lambda: SALE, lambda: 199.0).admit([("tea-001", 1)], shown)
    assert refused.value.extra == {"why": why, "waiting_room": "/sale/tea-001"}


def buy(world: World, key: str = "k", shown: str = "") -> tuple[Order, bool]:
    """One piece."""
    return world.buy(key, quantity=1, admission=shown)


def test_an_admission_is_for_one_piece() -> None:
    door = Door(PAPERS, lambda: SALE, lambda: 199.0)
    with pytest.raises(TooMany):
        door.admit([("tea-001", 2)], admission())


def test_who_is_not_admitted_leaves_no_trace_and_a_key_that_was_is_not_asked_again() -> None:
    world = World()
    world.sale = SALE
    with pytest.raises(NotAdmitted):
        buy(world)
    assert world.attempts.rows == {}
    order, _ = buy(world, shown=admission())
    assert buy(world) == (order, False)


def test_a_key_that_failed_before_the_sale_does_not_buy_in_it_without_an_admission() -> None:
    world = World(tea_001=0)
    with pytest.raises(OutOfStock):
        buy(world)
    world.inventory.available["tea-001"] = world.stock["tea-001"] = 5
    world.sale = SALE
    with pytest.raises(NotAdmitted):
        buy(world)
    assert (world.attempts.rows["k"].round, world.attempts.rows["k"].state) == (1, "failed")
    assert buy(world, shown=admission())[1]
    with pytest.raises(NotAdmitted, match="used"):
        buy(world, key="another", shown=admission())
    world.check()


def test_a_key_that_is_under_way_is_finished_without_an_admission() -> None:
    world = World()
    world.script.before[PATH.index("charge")] = time_out
    world.try_to_buy(quantity=1)
    world.sale = SALE
    assert buy(world)[1]


def lose_the_turn(world: World) -> None:
    """A primary is lost with the attempt, and its admission makes an order under another key."""
    world.attempts.rows.clear()
    buy(world, key="another", shown=admission())


def test_an_attempt_that_is_written_anew_keeps_its_admission() -> None:
    world = World()
    world.sale = SALE
    world.script.before[PATH.index("place")] = world.attempts.rows.clear
    buy(world, shown=admission())
    with pytest.raises(NotAdmitted, match="used"):
        buy(world, key="another", shown=admission())


@pytest.mark.parametrize("step", ["resume", "place"])
def test_a_lost_attempt_ends_well_when_its_admission_has_bought_under_another_key(step: str) -> None:
    """Before anything is reserved, and when it is paid for: then the money is given back."""
    world = World()
    world.sale = SALE
    world.script.before[PATH.index(step)] = lambda: lose_the_turn(world)
    with pytest.raises(NotAdmitted, match="used"):
        buy(world, shown=admission())
    assert [*world.orders.by_key] == ["another"]
    world.check()
