"""What the labs about resilience count, where a wrong outcome would look like the right one."""

from labs.load import LoadResult
from labs.load.sample import Sample
from labs.resilience import circuit_breaker, graceful_degradation, kill_switch

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


def test_pages_that_are_quick_or_quicker_than_before_are_as_quick_as_before() -> None:
    assert graceful_degradation.times(65, before_ms=12) == graceful_degradation.times(45, before_ms=224) == 1
    assert graceful_degradation.times(700, before_ms=20) == 7


def fragment(at_s: float, replica: int, took_ms: float) -> Sample:
    return Sample(
        intended_s=at_s, what="extras", client="", sent_s=at_s, done_s=at_s + took_ms / 1000, outcome="ok",
        replica=f"storefront-{replica}",
    )  # fmt: skip


def test_a_switch_has_reached_all_when_the_last_replica_serves_its_first_fragment_without_extras() -> None:
    extras = [fragment(10.1, 1, 125), fragment(10.2, 2, 5), fragment(10.5, 1, 5), fragment(10.9, 2, 5)]
    assert kill_switch.obeyed_s(extras, killed=10, back=14) == 0.5


def test_a_switch_that_nobody_obeys_takes_until_it_is_turned_back() -> None:
    assert kill_switch.obeyed_s([fragment(10.1, 1, 125)], killed=10, back=14) == 4


def test_without_an_order_after_the_end_a_shop_is_not_back_within_any_time() -> None:
    def back(*confirmed_s: float) -> str:
        return circuit_breaker._back({"breaker_back_s": circuit_breaker._first_order(load(*confirmed_s), 11) - 11})

    assert back(1, 11.2) == "within 2 s"
    assert back(1) == "not before somebody closes the circuit"
