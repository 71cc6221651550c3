"""What a lab is made of, in the field's words. One file per lab says it, another what is told about it.

    question -> predictions -> steady state -> method -> findings -> rollback -> steady state again

A method is a list of plain functions on a `Bench` (the shop with a load generator and an undo list beside it); the
first line of a function's docstring is what the journal and the report say about that step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from labs.load.result import LAG_LIMIT_MS, LoadResult
from labs.shop import Shop

if TYPE_CHECKING:
    from labs.engine.bench import Bench

Numbers = Mapping[str, float]
"""What a run measured, by name; the unit is part of the name where it has one (`p99_ms`)."""
Step = Callable[["Bench"], None]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that a run saw. `seen["phase"]` is that phase's load, warm-up already left out.

    `facts` were counted once (`Bench.note`); `series` were sampled while something went on (`Bench.watching`): pairs of
    seconds since 1970 and a value.
    """

    loads: Mapping[str, LoadResult]
    facts: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)

    def __getitem__(self, phase: str) -> LoadResult:
        return self.loads[phase]

    def values(self, name: str) -> list[float]:
        """The values of a series without their times."""
        return [value for _, value in self.series.get(name, ())]

    def mean(self, name: str, phase: str, since_s: float, until_s: float) -> float:
        """The mean of a series while that phase's load was so many seconds old; 0 when nothing was seen then."""
        began = self[phase].started_at
        return fmean([v for at, v in self.series[name] if since_s <= at - began < until_s] or [0.0])


@dataclass(frozen=True, kw_only=True)
class Number:
    """A question whose answer is a number. Right means within a factor of `factor` of what was measured.

    Being right to a factor is what estimates are for; `measured` names the number it is compared with.
    """

    id: str
    text: str
    unit: str
    low: float
    high: float
    measured: str
    factor: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A question with options; `answer` tells from the run's numbers which one came true."""

    id: str
    text: str
    options: tuple[str, ...]
    answer: Callable[[Numbers], str]


Question = Number | Choice


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a learner predicts, and why: the reason is what can be learned from when it turns out wrong."""

    value: float | str
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class View:
    """What a probe may look at: the shop, and a short load that has just ended."""

    shop: Shop
    load: LoadResult


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One number of the steady state and between which limits it is normal (both included)."""

    name: str
    measure: Callable[[View], float]
    unit: str = ""
    low: float = 0.0
    high: float = 0.0

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """How to load the shop. The first `warm_up_s` seconds are sent, kept and shown, but not counted.

    `seed` is added to the run's: with the same one the same shoppers want the same things again.
    """

    mix: str
    rate: float
    seconds: float
    quick_seconds: float
    arrival: str = "constant"
    warm_up_s: float = 1.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a measurement must meet to count at all; otherwise the verdict is `unknown`, whatever was seen."""

    generator_lag_p99_ms: float = LAG_LIMIT_MS
    dropped: int = 0
    samples: int = 368
    """Below 368 samples there is no finite 95 % upper bound for the 99th percentile."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim about the world and whether this run bears it out. Numbers before verdicts."""

    claim: str
    holds: bool
    measured: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """Formula and measurement side by side. `question` is the id of the prediction that stands beside them."""

    what: str
    unit: str
    formula: str
    expected: float
    measured: float
    question: str | None = None


@dataclass(frozen=True, kw_only=True)
class Interview:
    """The question as it is asked, a sentence to say at once, and the long answer; both quote the run."""

    question: str
    short: Callable[[Numbers], str]
    long: Callable[[Numbers], str]


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """What is told around the measurement."""

    explanation: Callable[[Numbers], str]
    artifacts: str
    mitigation: str
    questionnaire: Sequence[tuple[str, str]]
    further: str
    interview: Interview
    notes: str


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One lab, complete. `minutes` is a learner's time; the machine needs under one minute in quick mode.

    `measure` turns what was seen into numbers, and everything after the run is a function of those numbers alone: so a
    run can be replayed from its folder. `plots` get what was seen and the numbers, and return plotly figures by name.
    """

    slug: str
    topic: str
    title: str
    minutes: int
    question: str
    goal: str
    map: str
    predictions: Sequence[Question]
    steady_state: Sequence[Probe]
    steady_load: LoadPlan
    load: LoadPlan
    prepare: Sequence[Step]
    method: Sequence[Step]
    measure: Callable[[Seen], Numbers]
    findings: Callable[[Numbers], Sequence[Finding]]
    rows: Callable[[Numbers], Sequence[Row]]
    plots: Callable[[Seen, Numbers], Mapping[str, Any]]
    teaching: Teaching
    limits: Limits = field(default_factory=Limits)
    fresh: bool = False
    """Whether the shop is put back to its seed state first (it costs the learner's own orders)."""


def sentence(step: Callable[..., object]) -> str:
    """The first line of a function's docstring: what it does, for readers."""
    return (step.__doc__ or step.__name__).strip().splitlines()[0]
