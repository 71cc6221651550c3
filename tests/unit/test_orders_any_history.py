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
