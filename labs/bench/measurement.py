"""What a measurement is: rounds taken in turn with a yardstick, their medians, and the budget they are held to.

A learner's machine is slow today and fast tomorrow, so no time or rate is judged by itself where a yardstick exists:
what is judged is the median of the rounds' ratios, and the two halves of a round are measured one after the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

Say = Callable[[str], None]
"""Called with one line of progress."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A limit on the median ratio, or on the measured value itself; a moonshot is what would be great."""

    limit: float
    kind: Literal["at most", "at least"] = "at most"
    of: Literal["ratio", "measured"] = "measured"
    moonshot: float | None = None

    def allows(self, value: float) -> bool:
        """Is the value within the limit?"""
        return value <= self.limit if self.kind == "at most" else value >= self.limit


@dataclass(frozen=True)
class Sample:
    """One value, and whatever helps to understand it."""

    value: float
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Round:
    """A value and, right before or after it, its yardstick."""

    ours: Sample
    yardstick: Sample | None = None

    @property
    def ratio(self) -> float | None:
        """Ours by the yardstick's."""
        return self.ours.value / self.yardstick.value if self.yardstick else None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        plain: dict[str, Any] = {"measured": rounded(self.ours.value), **self.ours.more}
        if self.yardstick:
            more = {f"yardstick_{name}": value for name, value in self.yardstick.more.items()}
            plain |= {"yardstick": rounded(self.yardstick.value), "ratio": rounded(self.ratio), **more}
        return plain


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """All rounds of one thing. `beside` says what the yardstick is."""

    name: str
    what: str
    unit: str
    rounds: Sequence[Round]
    beside: str = ""
    budget: Budget | None = None

    @property
    def measured(self) -> float:
        """The median."""
        return median(each.ours.value for each in self.rounds)

    @property
    def yardstick(self) -> float | None:
        """The yardstick's median."""
        values = [each.yardstick.value for each in self.rounds if each.yardstick]
        return median(values) if values else None

    @property
    def ratio(self) -> float | None:
        """The median of the ratios, not the ratio of the medians: a slow minute slows both halves of a round."""
        ratios = [each.ratio for each in self.rounds if each.ratio is not None]
        return median(ratios) if ratios else None

    @property
    def met(self) -> bool | None:
        """Is the budget kept? None when there is none."""
        if self.budget is None:
            return None
        judged = self.ratio if self.budget.of == "ratio" else self.measured
        return judged is not None and self.budget.allows(judged)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        budget = self.budget
        return {
            "name": self.name,
            "what": self.what,
            "measured": rounded(self.measured),
            "unit": self.unit,
            "yardstick": rounded(self.yardstick),
            "beside": self.beside or None,
            "ratio": rounded(self.ratio),
            "budget": budget.limit if budget else None,
            "budget_is": f"{budget.of} {budget.kind}" if budget else None,
            "moonshot": budget.moonshot if budget else None,
            "met": self.met,
            "rounds": [each.to_json() for each in self.rounds],
        }


def in_turn(
    rounds: int, ours: Callable[[], Sample], yardstick: Callable[[], Sample], say: Say, unit: str
) -> list[Round]:
    """A B B A: each round is one of ours and one of its yardstick at once, by turns the first. What the first half of a
    round has in its favour, or the second, falls out of the median: of an even number of rounds, as all take.
    """
    taken = []
    for number in range(1, rounds + 1):
        before = None if number % 2 else yardstick()
        each = Round(ours(), before or yardstick())
        taken.append(each)
        assert each.yardstick
        say(
            f"round {number} of {rounds}: {each.ours.value:.4g} {unit}, "
            f"yardstick {each.yardstick.value:.4g} {unit}, ratio {each.ratio:.2f}"
        )
    return taken


def rounded(value: float | None) -> float | None:
    """Four digits: more would be noise."""
    return None if value is None else float(f"{value:.4g}")
