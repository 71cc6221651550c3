"""That nothing went wrong shows something only if something was broken: such a claim asks for the evidence."""

from collections import defaultdict
from typing import Any

import pytest

from labs.lab import Lab, Seen
from labs.load_balancing import health_checks, sticky_sessions
from labs.queueing import async_checkout, backpressure, broker_crash, poison_message, redelivery
from labs.replication import cart_merge, failover, replica_lag, sync_replication
from labs.resilience import bulkhead, load_shedding

FLOOR = {"shallow_failed": 0.25, "deep_for_all_at_the_end": 1.0, "floor_said_no": 1.0, "floor_failed": 0.0}
SHARED = {"shared_restarts": 1, "ip_hash_wrong_after_percent": 70}
CAREFUL = {
    "careless_lost_unheard": 24, "careless_lost_waiting": 20, "careful_kills": 1, "careful_placed": 24,
    "careful_waiting": 20,
}  # fmt: skip
PUT_BACK = {"dead_orders": 36, "put_back": 36, "refused": 36, "refused_shipped": 36}
ONE_COPY = {"single_emptied_percent": 30, "single_lost": 25, "refuse_refused": 110, "refuse_refused_percent": 61}
MERGED = ONE_COPY | {"merge_met": 60}
OLD_COPY = {"old_met": 120, "forgotten_back": 60}
FORGOTTEN = {"forgotten_back_percent": 67, "forgotten_met": 120}
LOST = {"careless_kills": 1, "careless_lost": 44, "resent": 44}
BEHIND = {"naive_at_once_percent": 100, "naive_behind_s": 1.5}
FAR = {"far_extra_ms": 210, "far_flushed_ms": 40}
KILLED = {"kill_strikes": 1, "kill_replaced": 1, "kill_outage_s": 2.5, "nobody_outage_s": 7.5}
WAITED = {"rise_ms": 190, "fastest_ms": 210}
CALLED_BACK = {"forgetful_crashes": 5, "forgetful_surplus": 5, "called_back": 5, "violated": 1}
CROWD = {"offered": 94, "best": 31, "naive_percent": 5}


def holds(lab: Lab, words: str, numbers: dict[str, Any]) -> bool:
    """The claim with these words, after a run in which all that is not named was 0."""
    (found,) = [finding for finding in lab.findings(defaultdict(float, numbers)) if words in finding.claim]
    return found.holds


@pytest.mark.parametrize(
    ("lab", "words", "good", "needs"),
    [
        (health_checks.LAB, "With a floor", FLOOR, "floor_said_no"),
        (sticky_sessions.LAB, "Carts outside", SHARED, "shared_restarts"),
        (broker_crash.LAB, "With confirms", CAREFUL, "careless_lost_unheard"),
        (broker_crash.LAB, "With confirms", CAREFUL, "careless_lost_waiting"),
        (broker_crash.LAB, "With confirms", CAREFUL, "careful_kills"),
        (broker_crash.LAB, "With confirms", CAREFUL, "careful_placed"),
        (broker_crash.LAB, "With confirms", CAREFUL, "careful_waiting"),
        (poison_message.LAB, "Dead is not lost", PUT_BACK, "refused_shipped"),
        (poison_message.LAB, "Dead is not lost", PUT_BACK, "refused"),
        (cart_merge.LAB, "insist on both", ONE_COPY, "single_emptied_percent"),
        (cart_merge.LAB, "With two copies", MERGED, "single_emptied_percent"),
        (cart_merge.LAB, "returns with old carts", OLD_COPY, "forgotten_back"),
        (broker_crash.LAB, "The outbox still knows", LOST, "careless_kills"),
        (replica_lag.LAB, "Without protection", BEHIND, "naive_behind_s"),
        (sync_replication.LAB, "price every day", FAR, "far_flushed_ms"),
        (failover.LAB, "A manager", KILLED, "kill_strikes"),
        (async_checkout.LAB, "waits for its parcel takes", WAITED, "fastest_ms"),
        (redelivery.LAB, "books show", CALLED_BACK, "forgetful_crashes"),
        (cart_merge.LAB, "With one copy", ONE_COPY, "refuse_refused"),
        (cart_merge.LAB, "Once removals", FORGOTTEN, "forgotten_met"),
        (load_shedding.LAB, "refuses nobody", CROWD, "offered"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_claim_needs_what_only_its_cause_leaves_also_one_that_nothing_was_lost(
    lab: Lab, words: str, good: dict[str, Any], needs: str
) -> None:
    assert holds(lab, words, good)
    assert not holds(lab, words, good | {needs: 0})


@pytest.mark.parametrize(
    ("lab", "words", "good", "without"),
    [
        (bulkhead.LAB, "Without a bulkhead", {"open_p50_ms": 900, "open_calm_ms": 20}, {"open_sold": 33}),
        (backpressure.LAB, "charged nothing", {"off_worst_s": 7.5, "refused": 20}, {"packed_per_s": 7.3}),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_shop_that_is_only_slow_does_not_count_as_broken(
    lab: Lab, words: str, good: dict[str, Any], without: dict[str, Any]
) -> None:
    assert holds(lab, words, good)
    assert not holds(lab, words, good | without)


@pytest.mark.parametrize("lost", ["careful_lost_unheard", "careful_lost_waiting"])
def test_each_of_two_cures_answers_for_its_own_loss(lost: str) -> None:
    assert not holds(broker_crash.LAB, "With confirms", CAREFUL | {lost: 1})


def test_restarts_are_counted_for_each_way_to_keep_carts() -> None:
    facts = defaultdict(float, {f"{variant}_restarts": 1.0 for variant in sticky_sessions.VARIANTS})
    assert sticky_sessions.measure(Seen(loads={}, facts=facts))["shared_restarts"] == 1
