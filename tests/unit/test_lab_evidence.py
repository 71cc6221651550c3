"""That nothing went wrong shows something only if something was broken: such a claim asks for the evidence."""

from collections import defaultdict
from typing import Any

import pytest

from labs.lab import Lab, Seen
from labs.load_balancing import health_checks, sticky_sessions
from labs.queueing import broker_crash, poison_message

FLOOR = {"shallow_failed": 0.25, "deep_for_all_at_the_end": 1.0, "floor_said_no": 1.0, "floor_failed": 0.0}
SHARED = {"shared_restarts": 1, "ip_hash_wrong_after_percent": 70}
CAREFUL = {
    "careless_lost_unheard": 24, "careless_lost_waiting": 20, "careful_kills": 1, "careful_placed": 24,
    "careful_waiting": 20,
}  # fmt: skip
PUT_BACK = {"dead_orders": 36, "put_back": 36, "refused": 36, "refused_shipped": 36}


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
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_claim_that_nothing_was_lost_needs_what_could_have_lost_it(
    lab: Lab, words: str, good: dict[str, Any], needs: str
) -> None:
    assert holds(lab, words, good)
    assert not holds(lab, words, good | {needs: 0})


@pytest.mark.parametrize("lost", ["careful_lost_unheard", "careful_lost_waiting"])
def test_each_of_two_cures_answers_for_its_own_loss(lost: str) -> None:
    assert not holds(broker_crash.LAB, "With confirms", CAREFUL | {lost: 1})


def test_restarts_are_counted_for_each_way_to_keep_carts() -> None:
    facts = defaultdict(float, {f"{variant}_restarts": 1.0 for variant in sticky_sessions.VARIANTS})
    assert sticky_sessions.measure(Seen(loads={}, facts=facts))["shared_restarts"] == 1
