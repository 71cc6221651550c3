"""A bound on processor time: who stays below it never stands still, who does not gets the bound in the long run."""

import pytest

from compose.runtime.throttle import Budget


def test_who_uses_less_never_stands_still() -> None:
    budget = Budget(0.5)
    assert [budget.spend(used_s=0.004, elapsed_s=0.01) for _ in range(1000)] == [0.0] * 1000


@pytest.mark.parametrize("cpus", [0.05, 0.5, 1.5])
def test_who_wants_everything_gets_the_bound_in_the_long_run(cpus: float) -> None:
    budget, cores, used, elapsed, pause = Budget(cpus), 2, 0.0, 0.0, 0.0
    for _ in range(2000):
        pause = budget.spend(used_s=cores * 0.02, elapsed_s=0.02 + pause)
        used, elapsed = used + cores * 0.02, elapsed + 0.02 + pause
    assert used / elapsed == pytest.approx(cpus, rel=0.05)


def test_a_long_rest_saves_up_no_more_than_one_period() -> None:
    budget = Budget(0.1)
    budget.spend(used_s=0.0, elapsed_s=3600)
    assert budget.spend(used_s=0.11, elapsed_s=0.0) == pytest.approx(1.0)
