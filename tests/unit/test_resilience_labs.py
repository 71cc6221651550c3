"""What the labs about resilience count, where a wrong outcome would look like the right one."""

from labs.load import LoadResult
from labs.load.sample import Sample
from labs.resilience import circuit_breaker, kill_switch

COSTLY = {"asked": 60.0, "costly": 60.0, "failed": 0.0}


def load(*confirmed_s: float) -> LoadResult:
    """Fourteen seconds in which orders were confirmed at these seconds."""
    samples = [Sample(intended_s=0, what="checkout", client="", done_s=at, outcome="ok") for at in confirmed_s]
    return LoadResult(
        mix="checkout", arrival="constant", rate=1, duration_s=14, seed=1, started_at=0, samples=samples
    )  # fmt: skip


def test_extras_that_are_costly_go_unnoticed_and_extras_that_are_given_up_do_not() -> None:
    assert kill_switch.unnoticed(COSTLY | {"given_up": 3})
    assert not kill_switch.unnoticed(COSTLY | {"given_up": 60})


def test_a_busy_machine_that_makes_a_third_of_the_fragments_late_is_no_costly_extra() -> None:
    assert kill_switch.dear(COSTLY)
    assert not kill_switch.dear(COSTLY | {"asked": 180})


def test_without_an_order_after_the_end_a_shop_is_not_back_within_any_time() -> None:
    def back(*confirmed_s: float) -> str:
        return circuit_breaker._back({"breaker_back_s": circuit_breaker._first_order(load(*confirmed_s), 11) - 11})

    assert back(1, 11.2) == "within 2 s"
    assert back(1) == "not before somebody closes the circuit"
