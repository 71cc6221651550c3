"""Who came when, who was served when: is the line's order respected?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from labs.load.line import SENT_AWAY
from labs.load.sample import Sample


@dataclass
class Journey:
    """One person's way, in seconds after the load's beginning. `lined_s`: when they stood in line, if they did, else
    when they came; `turn_s`: when they were let in from the line, or without one, when they pressed the time that led
    to an order; `bought_s`: when they had it; None: never.
    """

    arrived_s: float
    lined_s: float
    in_line: bool = False
    presses: int = 0
    turn_s: float | None = None
    bought_s: float | None = None


def journeys(samples: Iterable[Sample]) -> list[Journey]:
    """By the clients' addresses, one for each person, in the order of arrival."""
    people: dict[str, Journey] = {}
    for sample in sorted(samples, key=lambda sample: sample.intended_s):
        person = people.setdefault(sample.client, Journey(sample.intended_s, sample.intended_s))
        if sample.what == "checkout" and sample.status != SENT_AWAY:
            person.presses += 1
            if person.in_line and person.turn_s is None:
                person.turn_s = sample.intended_s
            if sample.outcome == "ok":
                person.bought_s, person.turn_s = sample.done_s, person.turn_s or sample.intended_s
        elif sample.what == "line" and not person.in_line:
            person.lined_s, person.in_line = sample.intended_s, True
    return list(people.values())


def buyers(people: Sequence[Journey]) -> list[Journey]:
    """Those who got a piece, in the order in which they came."""
    return [person for person in people if person.bought_s is not None]


def per_second(moments: Sequence[float]) -> float:
    """How many a second, between the first and the last."""
    ordered = sorted(moments)
    return (len(ordered) - 1) / max(ordered[-1] - ordered[0], 1e-9) if len(ordered) > 1 else 0.0


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float:
    """Spearman's: 1 for the same order, 0 for orders that have nothing to do with each other, or fewer than 3 pairs."""
    if len(pairs) < 3:
        return 0.0
    first, second = (np.argsort(np.argsort(column)) for column in np.array(pairs).T)
    return float(np.corrcoef(first, second)[0, 1])


def jumped(people: Sequence[Journey]) -> int:
    """Pieces that went to others than the first to come (as many of these as there were buyers)."""
    buyers = sum(person.bought_s is not None for person in people)
    return sum(person.bought_s is not None for person in people[buyers:])
