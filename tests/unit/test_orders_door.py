"""The door of the order path: the item of a sale is sold to whose turn it is, once; nothing else changes."""

import pytest

from services.common.papers import Paper, Papers
from services.orders.door import Door, NotAdmitted
from tests.unit.orders_fakes import World

SALE = "tea-001~100"
PAPERS = Papers("a secret")


def admission(sale: str = SALE, until_s: int = 200, papers: Papers = PAPERS) -> str:
    return papers.write(Paper("admission", sale, 7, "ab12", until_s))


def test_without_a_sale_and_for_other_items_nobody_asks() -> None:
    assert Door(PAPERS, lambda: "").admit(["tea-001"], "") is None
    assert Door(PAPERS, lambda: SALE).admit(["cup-001"], "") is None


def test_who_shows_an_admission_comes_in_also_with_other_things_in_the_basket() -> None:
    door = Door(PAPERS, lambda: SALE, lambda: 199.0)
    assert door.admit(["cup-001", "tea-001"], admission()) == "tea-001~100.7.ab12"


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
        Door(PAPERS, lambda: SALE, lambda: 199.0).admit(["tea-001"], shown)
    assert refused.value.extra == {"why": why, "waiting_room": "/sale/tea-001"}


def test_who_is_not_admitted_leaves_no_trace_and_a_key_that_was_is_not_asked_again() -> None:
    world = World()
    world.sale = SALE
    with pytest.raises(NotAdmitted):
        world.buy()
    assert world.attempts.rows == {}
    order, _ = world.buy(admission=admission())
    assert world.buy() == (order, False)
