"""Whatever happens at whatever step, in whatever order: once it has settled, money, stock and orders agree."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.orders_fakes import World, crash, refuse, time_out

DEEDS = st.sampled_from(["buy a", "buy b", "reconcile", "expire"])
TROUBLES = st.one_of(st.sampled_from(["crash", "time_out", "refuse"]), DEEDS)
WHEN = st.tuples(st.sampled_from(["before", "after"]), st.integers(0, 16))


def meaning(world: World, declined: bool) -> dict[str, Callable[[], Any]]:
    return {
        "buy a": lambda: world.try_to_buy(key="a", quantity=2),
        "buy b": lambda: world.try_to_buy(key="b", quantity=3, token="tok_declined" if declined else "tok_ok"),
        "reconcile": world.reconcile,
        "expire": world.inventory.expire,
        "crash": crash,
        "time_out": time_out,
        "refuse": refuse,
    }


@settings(max_examples=500, deadline=None)
@given(
    stock=st.integers(1, 6),
    declined=st.booleans(),
    deeds=st.lists(DEEDS, min_size=1, max_size=4),
    troubles=st.dictionaries(WHEN, TROUBLES, max_size=8),
)
def test_money_stock_and_orders_agree_once_everything_has_settled(
    stock: int, declined: bool, deeds: list[str], troubles: dict[tuple[str, int], str]
) -> None:
    world = World(tea_001=stock)
    deed = meaning(world, declined)
    for (when, step), trouble in troubles.items():
        getattr(world.script, when)[step] = deed[trouble]
    for name in ["buy a", *deeds]:
        deed[name]()
    world.settle()
    world.check()


AT_STAKE = {"charge", "commit", "state", "give_up", "refund"}
"""Who goes on after one of these trusts what a lost primary may have forgotten: nothing is promised then."""


@settings(max_examples=500, deadline=None)
@given(
    earlier=st.lists(st.sampled_from(["refused", "given up"]), max_size=2),
    step=st.integers(0, 9),
    lost=st.integers(1, 30),
    others=st.lists(DEEDS, max_size=3),
)
def test_they_agree_also_after_a_primary_was_lost_with_what_was_written_last(
    earlier: list[str], step: int, lost: int, others: list[str]
) -> None:
    world = World(tea_001=4)
    deed = meaning(world, declined=False)
    for end in earlier:
        fail_a_round(world, end)

    def lose() -> None:
        if not AT_STAKE & set(world.script.steps[:step]):
            world.lose(lost)
            for name in others:
                deed[name]()

    world.script.clear()
    world.script.before[step] = lose
    world.try_to_buy(key="a")
    if step in world.script.before:  # the request was over by then
        world.script.clear()
        lose()
    world.settle()
    world.check()


def fail_a_round(world: World, end: str) -> None:
    """One more round under the key that is no order: there was nothing left, or nobody finished it."""
    world.script.clear()
    if end == "refused":
        world.inventory.empty = True
    else:
        world.script.before[3 if "a" in world.attempts.rows else 5] = crash  # at the charge
    world.try_to_buy(key="a")
    world.inventory.empty = False
    world.script.clear()
    world.reconcile()
