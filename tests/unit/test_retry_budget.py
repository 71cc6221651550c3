"""Retries: never more than the budget, never in step."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.common.retry_budget import FIRST_S, LONGEST_S, RetryBudget, pause_s


@given(st.lists(st.booleans(), max_size=400), st.floats(0, 1), st.floats(0, 20))
def test_in_any_history_retries_stay_below_their_share_of_the_calls_and_the_reserve(
    history: list[bool], ratio: float, reserve: float
) -> None:
    budget, calls, retries = RetryBudget(ratio, reserve), 0, 0
    for first in history:
        if first:
            budget.earn()
            calls += 1
        else:
            retries += budget.spend()
        assert retries <= calls * ratio + reserve + 1e-6


def test_when_everything_fails_one_call_in_ten_is_repeated_in_the_long_run() -> None:
    budget, retries = RetryBudget(0.1, 10), 0
    for _ in range(1000):
        budget.earn()
        retries += budget.spend()
    assert 100 <= retries <= 110


@given(st.integers(0, 50), st.floats(0, 1))
def test_a_pause_grows_up_to_a_limit_and_jitter_only_shortens_it(retry: int, chance: float) -> None:
    most_s = pause_s(retry, jitter=False)
    assert FIRST_S <= most_s <= LONGEST_S
    assert 0 <= pause_s(retry, jitter=True, chance=lambda: chance) <= most_s


def test_without_jitter_all_wait_alike_and_with_it_they_spread_over_the_whole_pause() -> None:
    chance = Random(1).random
    alike = {pause_s(1, jitter=False, chance=chance) for _ in range(200)}
    spread = [pause_s(1, jitter=True, chance=chance) for _ in range(200)]
    assert len(alike) == 1
    assert min(spread) < 0.1 * max(alike) and max(spread) > 0.9 * max(alike)
