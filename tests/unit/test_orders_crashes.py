"""Shoppers, the reconciler and time take turns for as long as hypothesis likes, and each of them may break down between
any two steps. After a recovery money, stock and orders agree, and what a shopper was shown is still there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.unit.orders_fakes import World, crash, refuse, time_out

TROUBLES: Mapping[str, Callable[[], None]] = {"crash": crash, "time_out": time_out, "refuse": refuse}
KEYS = st.sampled_from("abc")
MEANWHILE = ("expire", "reconcile", "a", "b")
"""What others may do between two steps: time passes, the reconciler comes by, somebody buys under that key."""
Troubled = dict[tuple[str, int], str]
WISHES = {"a": (2, "tok_ok"), "b": (3, "tok_ok"), "c": (1, "tok_declined")}
"""A key stands for one wish: pieces, and how it is paid."""


def troubled(steps: int) -> st.SearchStrategy[Troubled]:
    """What happens before or after which of so many steps."""
    when = st.tuples(st.sampled_from(["before", "after"]), st.integers(0, steps - 1))
    return st.dictionaries(when, st.sampled_from([*TROUBLES, *MEANWHILE]), max_size=3)


class AnyHistory(RuleBasedStateMachine):
    """A troubled step ends whoever is at it, before its effect or after; or something else happens in between."""

    @initialize(stock=st.integers(1, 6))
    def open_shop(self, stock: int) -> None:
        self.world = World(tea_001=stock)

    @rule(key=KEYS, troubled=troubled(steps=10))
    def buy(self, key: str, troubled: Troubled) -> None:
        self._trouble(troubled)
        self._wish(key)

    @rule(troubled=troubled(steps=5))
    def reconcile(self, troubled: Troubled) -> None:
        self._trouble(troubled)
        self.world.reconcile()

    @rule()
    def expire(self) -> None:
        self.world.inventory.expire()

    @rule()
    def recover(self) -> None:
        """All is well again for a while, and everything settles; then people go on buying."""
        self.world.settle()
        self.world.check()

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def at_no_moment_is_a_piece_sold_twice_or_a_shown_order_gone(self) -> None:
        stock = self.world.inventory
        assert min(*stock.available.values(), *stock.reserved.values(), *stock.sold.values()) >= 0
        for sku, pieces in self.world.stock.items():
            assert stock.available[sku] + stock.reserved[sku] + stock.sold[sku] == pieces
        for key, order_id in self.world.shown:
            assert self.world.orders.by_key[key].head.order_id == order_id

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.recover()

    def _wish(self, key: str) -> None:
        quantity, token = WISHES[key]
        self.world.try_to_buy(key=key, quantity=quantity, token=token)

    def _trouble(self, troubled: Troubled) -> None:
        deeds: dict[str, Callable[[], Any]] = {
            **TROUBLES,
            "expire": self.world.inventory.expire,
            "reconcile": self.world.reconcile,
            "a": lambda: self._wish("a"),
            "b": lambda: self._wish("b"),
        }
        self.world.script.clear()
        for (when, step), trouble in troubled.items():
            getattr(self.world.script, when)[step] = deeds[trouble]


def test_whoever_breaks_down_wherever_money_stock_and_orders_agree_after_a_recovery() -> None:
    chosen = settings(max_examples=500, stateful_step_count=10, deadline=None)
    run_state_machine_as_test(AnyHistory, settings=chosen)  # type: ignore[no-untyped-call]
