"""The circuit breaker: opens after failures in a row, refuses at once, and lets exactly one trial through."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.breaker import CircuitBreaker
from services.common.errors import Declined, Refused, ShopError, TimedOut, Unavailable

WAIT_S = 10.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(failures: int = 2) -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    return CircuitBreaker("payments", failures, WAIT_S, clock), clock


def end_with(breaker: CircuitBreaker, error: ShopError | None, patient: bool = True) -> None:
    with suppress(ShopError), breaker.guard(patient):
        if error is not None:
            raise error


def opened() -> tuple[CircuitBreaker, Clock]:
    breaker, clock = make()
    end_with(breaker, TimedOut("late"))
    end_with(breaker, Unavailable("gone"))
    return breaker, clock


def test_an_open_circuit_refuses_and_says_by_what() -> None:
    breaker, _ = opened()
    with pytest.raises(Refused) as refused, breaker.guard():
        pass
    assert (breaker.state, refused.value.extra["by"]) == ("open", "breaker")


def test_the_failure_that_opens_the_circuit_is_itself_reported_as_what_it_is() -> None:
    breaker, _ = make(failures=1)
    with pytest.raises(TimedOut), breaker.guard():
        raise TimedOut("late")


@pytest.mark.parametrize("answer", [None, Declined("no"), ValueError("a bug of ours")])
def test_any_answer_between_two_failures_keeps_the_circuit_closed(answer: Exception | None) -> None:
    breaker, _ = make()
    end_with(breaker, TimedOut("late"))
    with suppress(Declined, ValueError), breaker.guard():
        if answer:
            raise answer
    end_with(breaker, TimedOut("late"))
    assert breaker.state == "closed"


def test_a_refusal_neither_opens_the_circuit_nor_closes_it() -> None:
    breaker, _ = make()
    end_with(breaker, TimedOut("late"))
    for _ in range(5):
        end_with(breaker, Refused("full"))
    assert breaker.state == "closed"
    end_with(breaker, TimedOut("late"))
    assert breaker.state == "open"


def test_the_timeout_of_an_impatient_caller_proves_nothing() -> None:
    breaker, _ = make()
    for _ in range(5):
        end_with(breaker, TimedOut("late"), patient=False)
    assert breaker.state == "closed"


def test_a_trial_that_succeeds_closes_the_circuit_and_one_that_fails_opens_it_for_as_long_again() -> None:
    for outcome, then in ((None, "closed"), (TimedOut("late"), "open")):
        breaker, clock = opened()
        clock.now += WAIT_S
        assert breaker.state == "half-open"
        end_with(breaker, outcome)
        assert breaker.state == then


def test_a_trial_that_proved_nothing_leaves_its_place_to_another() -> None:
    breaker, clock = opened()
    clock.now += WAIT_S
    end_with(breaker, Refused("no place"))
    with breaker.guard():
        pass
    assert breaker.state == "closed"


def test_who_was_under_way_when_the_circuit_opened_does_not_decide() -> None:
    breaker, _ = make()
    with breaker.guard():
        end_with(breaker, TimedOut("late"))
        end_with(breaker, TimedOut("late"))
    assert breaker.state == "open"


def test_of_many_callers_at_once_exactly_one_is_the_trial() -> None:
    breaker, clock = opened()
    clock.now += WAIT_S
    together, ended = threading.Barrier(8), threading.Event()

    def call(_: int) -> bool:
        together.wait(5)
        try:
            with breaker.guard():
                ended.wait(5)
                return True
        except Refused:
            return False

    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(call, n) for n in range(8)]
        while sum(call.done() for call in calls) < 7:
            pass
        ended.set()
        assert sum(call.result() for call in calls) == 1


STEPS = st.lists(st.sampled_from(["enter", "succeed", "fail", "refuse", "wait"]), max_size=60)


@given(STEPS)
def test_in_any_history_an_open_circuit_has_one_caller_at_most(steps: list[str]) -> None:
    """Calls enter and end in any order; `inside` are those that were let in while the circuit was not closed."""
    breaker, clock = make()
    calls: list[tuple[object, bool]] = []
    for step in steps:
        if step == "wait":
            clock.now += WAIT_S
        elif step == "enter":
            trial, guard = breaker.state != "closed", breaker.guard()
            with suppress(Refused):
                guard.__enter__()
                calls.append((guard, trial))
        elif calls:
            guard, _ = calls.pop(0)  # type: ignore[assignment]
            error = {"fail": TimedOut("late"), "refuse": Refused("full")}.get(step)
            with suppress(ShopError):
                guard.__exit__(type(error) if error else None, error, None)
        assert sum(trial for _, trial in calls) <= 1
