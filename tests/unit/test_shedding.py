"""What matters least is refused first, and the limit finds its place by itself."""

import threading
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.shedding import Crowd, Limit, Overloaded, Shedder, Tier


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def crowded(inside: int, threads: int = 5, clock: Clock | None = None) -> Crowd:
    crowd = Crowd(threads, clock or Clock())
    for _ in range(inside):
        crowd.enter()
    return crowd


def admitted(inside: int, threads: int = 5) -> set[Tier]:
    """Who comes in when the limit is still twice the number of threads."""
    found = set()
    for tier in Tier:
        with suppress(Overloaded):
            Shedder(crowded(inside, threads)).admit(tier)
            found.add(tier)
    return found


@pytest.mark.parametrize(
    ("inside", "tiers"),
    [
        (1, {Tier.CHECKOUT, Tier.BROWSE, Tier.EXTRAS}),
        (5, {Tier.CHECKOUT, Tier.BROWSE, Tier.EXTRAS}),
        (6, {Tier.CHECKOUT, Tier.BROWSE}),
        (10, {Tier.CHECKOUT, Tier.BROWSE}),
        (11, {Tier.CHECKOUT}),
        (20, {Tier.CHECKOUT}),
        (21, set()),
    ],
)
def test_extras_are_refused_first_then_browsing_then_checkout(inside: int, tiers: set[Tier]) -> None:
    assert admitted(inside) == tiers


@given(inside=st.integers(1, 200), threads=st.integers(1, 50))
def test_who_is_admitted_is_never_less_important_than_who_is_refused(inside: int, threads: int) -> None:
    assert [tier in admitted(inside, threads) for tier in Tier] in (
        [True, True, True],
        [True, True, False],
        [True, False, False],
        [False, False, False],
    )


@pytest.mark.parametrize("tier", Tier)
def test_a_replica_with_nothing_else_to_do_refuses_nobody(tier: Tier) -> None:
    Shedder(crowded(1, threads=1)).admit(tier)


def test_a_refusal_says_when_to_come_again() -> None:
    with pytest.raises(Overloaded) as refused:
        Shedder(crowded(21)).admit(Tier.CHECKOUT)
    assert (
        refused.value.status == 503
        and refused.value.extra["by"] == "shedding"
        and refused.value.extra["retry_after_s"] > 0
    )


def test_who_does_not_shed_refuses_nobody() -> None:
    Shedder(crowded(100), shedding=lambda: False).admit(Tier.EXTRAS)


def test_a_thread_knows_how_long_its_own_request_has_waited() -> None:
    clock = Clock()
    crowd = Crowd(clock=clock)
    early = crowd.enter()
    clock.now = 1.5
    late = crowd.enter()
    seen: list[float] = []

    def serve(arrived: float) -> None:
        with crowd.served(arrived):
            seen.append(crowd.waited_s)

    for arrived in (early, late):
        thread = threading.Thread(target=serve, args=(arrived,))
        thread.start()
        thread.join()
    assert seen == [1.5, 0.0] and crowd.inside == 0 and crowd.waited_s == 0.0


def test_a_request_that_fails_is_gone_as_well() -> None:
    crowd = Crowd()
    with pytest.raises(ValueError, match="no"), crowd.served(crowd.enter()):
        raise ValueError("no")
    assert crowd.inside == 0


def learn(limit: Limit, crowd: Crowd, waited_s: float, clock: Clock) -> float:
    """A request gets its thread after such a wait."""
    with crowd.served(clock() - waited_s):
        crowd.inside += 1
        return limit.learn()


def test_the_limit_grows_by_one_in_each_interval_in_which_somebody_hardly_waited() -> None:
    crowd = crowded(16, threads=8, clock=(clock := Clock()))
    limit = Limit(crowd, target_s=0.05, interval_s=0.1, clock=clock)
    for waited_s in (0.4, 0.01, 0.3):  # a burst: somebody came last
        learn(limit, crowd, waited_s, clock)
    clock.now = 0.2
    assert learn(limit, crowd, 0.4, clock) == 17


def test_a_standing_queue_cuts_the_limit_by_a_tenth_in_each_interval() -> None:
    crowd = crowded(16, threads=8, clock=(clock := Clock()))
    limit = Limit(crowd, target_s=0.05, interval_s=0.1, clock=clock)
    for _ in range(20):
        now = learn(limit, crowd, 0.2, clock)
    assert now == 16
    clock.now = 0.2
    assert learn(limit, crowd, 0.2, clock) == pytest.approx(16 * 0.9)
    clock.now = 0.4
    assert learn(limit, crowd, 0.2, clock) == pytest.approx(16 * 0.81)


def test_nothing_is_learned_from_a_replica_that_is_nearly_empty() -> None:
    crowd = crowded(2, threads=8, clock=(clock := Clock()))
    limit = Limit(crowd, clock=clock)
    for _ in range(100):
        clock.now += 0.2
        assert learn(limit, crowd, 0.0, clock) == 16


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1000)), max_size=300))
def test_the_limit_stays_between_its_bounds(heard: list[tuple[float, int]]) -> None:
    crowd = crowded(0, threads=8, clock=(clock := Clock()))
    limit = Limit(crowd, clock=clock)
    for waited_s, crowd.inside in heard:
        clock.now += 0.05
        assert 8 <= learn(limit, crowd, waited_s, clock) <= 8 * 16
