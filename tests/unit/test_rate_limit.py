"""The sliding window counter: how many get through, when others may come again, and what a lost node changes."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from services.common.errors import TooOften
from services.common.rate_limit import Rate, RateLimit
from tests.unit.cache_fakes import FakeNode


class Clock:
    def __init__(self) -> None:
        self.now = 600.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A limit of its own with a clock, asked by one key unless another is said."""

    def __init__(self, most: float = 10, window_s: float = 60, nodes: int = 1) -> None:
        self.clock, self.rate = Clock(), Rate(most, window_s)
        self.nodes = [FakeNode(f"node-{n}:1") for n in range(nodes)]
        self.limit = RateLimit("test", self.nodes, lambda: self.rate, self.clock)  # type: ignore[arg-type]

    def lets_through(self, who: str = "a") -> bool:
        with suppress(TooOften):
            self.limit.admit(who)
            return True
        return False

    def refusal(self, who: str = "a") -> TooOften:
        with pytest.raises(TooOften) as refused:
            self.limit.admit(who)
        return refused.value


def counted(metric: str) -> float:
    return REGISTRY.get_sample_value(metric, {"limit": "test"}) or 0.0


def test_so_many_get_through_at_once_and_no_more() -> None:
    door = Door(most=10)
    assert sum(door.lets_through() for _ in range(25)) == 10


def test_two_keys_are_apart() -> None:
    door = Door(most=1)
    assert [door.lets_through(who) for who in ("a", "a", "b", "b")] == [True, False, True, False]


def test_a_refusal_is_counted_and_not_held_against_whoever_is_refused() -> None:
    door, before = Door(most=10), counted("shop_rate_limited_total")
    for _ in range(100):
        door.lets_through()
    assert counted("shop_rate_limited_total") - before == 90
    door.clock.now += 90  # half of the next window is over, so half of the ten still counts
    assert sum(door.lets_through() for _ in range(25)) == 5


def test_no_limit_is_no_question_to_a_node() -> None:
    door = Door(most=0)
    assert all(door.lets_through() for _ in range(25)) and not door.nodes[0].kept


def test_a_limit_that_is_changed_holds_at_once() -> None:
    door = Door(most=10)
    assert sum(door.lets_through() for _ in range(12)) == 10
    door.rate = Rate(13, 60)
    assert sum(door.lets_through() for _ in range(12)) == 3


def test_neither_card_nor_address_can_be_read_where_it_is_counted() -> None:
    door = Door()
    door.lets_through("tok_ok_secret")
    assert door.nodes[0].kept and not any("secret" in key for key in door.nodes[0].kept)


steps = st.lists(st.floats(0, 40), min_size=1, max_size=80)


@given(steps, st.integers(1, 8))
def test_never_more_than_the_limit_in_one_window_nor_twice_of_it_in_any_span_as_long(
    pauses: list[float], most: int
) -> None:
    door, through = Door(most=most), []
    for pause in pauses:
        door.clock.now += pause
        if door.lets_through():
            through.append(door.clock.now)
    for at in through:
        assert sum(at // 60 == other // 60 for other in through) <= most
        assert sum(at - 60 < other <= at for other in through) <= 2 * most


@given(st.integers(1, 20), st.integers(2, 60), st.floats(0, 60))
def test_whoever_keeps_below_the_rate_is_never_refused(most: int, asks: int, start: float) -> None:
    """Two below it, as the windows begin somewhere between two of the requests."""
    door = Door(most=most + 2)
    door.clock.now += start
    for _ in range(asks):
        assert door.lets_through()
        door.clock.now += 60 / most


@given(steps, st.integers(1, 8))
def test_whoever_comes_again_when_told_gets_through(pauses: list[float], most: int) -> None:
    door = Door(most=most)
    for pause in pauses:
        door.clock.now += pause
        try:
            door.limit.admit("a")
        except TooOften as refused:
            assert 1 <= refused.extra["retry_after_s"] <= 120
            door.clock.now += refused.extra["retry_after_s"]
            assert door.lets_through()


def test_it_says_what_it_is_and_when_to_come_again() -> None:
    door = Door(most=10)
    assert all(door.lets_through() for _ in range(10))
    refused = door.refusal()
    assert (refused.status, refused.kind, refused.extra["by"]) == (429, "too-many-requests", "rate_limit")
    assert refused.extra["retry_after_s"] == 66  # a tenth of the next window: then nine of the ten count, and it fits


def test_of_many_at_once_exactly_so_many_get_through() -> None:
    door = Door(most=50)
    with ThreadPoolExecutor(16) as many:
        assert sum(many.map(lambda _: door.lets_through(), range(400))) == 50


def test_it_fails_open_and_says_so_when_the_node_that_counts_is_away() -> None:
    door, before = Door(most=2), counted("shop_rate_limit_open_total")
    door.nodes[0].down = True
    assert all(door.lets_through() for _ in range(5))
    assert counted("shop_rate_limit_open_total") - before == 5


def test_another_node_counts_while_the_first_one_is_left_alone() -> None:
    door, before = Door(most=2, nodes=3), counted("shop_rate_limit_open_total")
    door.lets_through()
    next(node for node in door.nodes if node.kept).down = True
    assert [door.lets_through() for _ in range(4)] == [True, True, True, False]
    assert counted("shop_rate_limit_open_total") - before == 1
