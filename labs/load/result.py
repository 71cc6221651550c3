"""What a load measured, and whether the measuring can be trusted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from statistics import fmean
from typing import Any

from labs.load.generator import Order
from labs.load.histogram import Histogram
from labs.load.sample import ANSWERED, DROPPED, OUTCOMES, Sample

WAITED_FOR = (*ANSWERED, "timeout")
"""Outcomes that have a latency: timeouts are data; a refused or cut connection took no time worth comparing."""
PERHAPS = ("http_5xx", "reset", "timeout", "")
"""After these nobody knows whether the order exists."""
LAG_LIMIT_MS = 50.0
"""A generator that is later than this at p99 measures itself."""


def confirmed(orders: Iterable[Order]) -> list[str]:
    """Ids of orders a client saw confirmed, each once: each must exist for ever."""
    return list(dict.fromkeys(order.order_id for order in orders if order.order_id))


def undecided(orders: Sequence[Order]) -> list[str]:
    """Idempotency keys whose order may or may not exist: reconcile them with the shop."""
    known = {order.key for order in orders if order.order_id}
    open_ = (order.key for order in orders if order.outcome in PERHAPS)
    return [key for key in dict.fromkeys(open_) if key not in known]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing the instrument says about itself."""

    name: str
    holds: bool
    detail: str


@dataclass(kw_only=True)
class LoadResult:
    """Samples and what follows from them. Latencies are milliseconds, from the intended start unless said otherwise."""

    mix: str
    arrival: str
    rate: float
    duration_s: float
    seed: int
    started_at: float
    samples: list[Sample]
    orders: list[Order] = field(default_factory=list)
    mean_in_flight: float | None = None
    seconds: float = 0.0
    ended_early: bool = False

    @property
    def offered(self) -> int:
        return len(self.samples)

    @cached_property
    def outcomes(self) -> dict[str, int]:
        """How many requests ended how; all of `OUTCOMES`, also those that did not occur."""
        counts = Counter(sample.outcome for sample in self.samples)
        return {name: counts[name] for name in OUTCOMES}

    @property
    def completed(self) -> int:
        """Requests that came to an end, good or bad."""
        return sum(self.outcomes.values())

    @property
    def dropped(self) -> int:
        return sum(sample.outcome == DROPPED for sample in self.samples)

    @property
    def started(self) -> int:
        return self.offered - self.dropped

    @property
    def waited_for(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.outcome in WAITED_FOR]

    @cached_property
    def latency(self) -> Histogram:
        """From the intended start."""
        return Histogram(sample.latency_ms for sample in self.waited_for)

    @cached_property
    def from_send(self) -> Histogram:
        """From the sending."""
        return Histogram(sample.from_send_ms for sample in self.waited_for)

    @cached_property
    def generator_lag(self) -> Histogram:
        """How late the generator itself was."""
        return Histogram(sample.lag_ms for sample in self.samples)

    @property
    def confirmed(self) -> list[str]:
        """See `confirmed`, for all of the load."""
        return confirmed(self.orders)

    @property
    def undecided(self) -> list[str]:
        """See `undecided`, for all of the load."""
        return undecided(self.orders)

    def select(
        self, *, what: str | None = None, kind: str | None = None, since_s: float = 0.0, until_s: float = inf
    ) -> "LoadResult":
        """The part of the load that was about `what`, by that `kind` of client, meant to start in [since_s, until_s).

        Orders are selected by kind alone: what the shop promised in the warm-up, it promised too. What was counted for
        all requests together (`mean_in_flight`) is not known of a part.
        """
        return replace(
            self,
            samples=[
                sample
                for sample in self.samples
                if what in (None, sample.what)
                and kind in (None, sample.kind)
                and since_s <= sample.intended_s < until_s
            ],
            orders=[order for order in self.orders if kind in (None, order.kind)],
            mean_in_flight=None,
        )

    def after(self, warm_up_s: float) -> "LoadResult":
        """The same load without the requests meant to start in its first seconds."""
        return self.select(since_s=warm_up_s)

    def to_json(self) -> dict[str, Any]:
        """What `load --json` prints of the whole, and of each kind of client."""
        return {
            "offered": self.offered,
            "started": self.started,
            "completed": self.completed,
            "dropped": self.dropped,
            "outcomes": self.outcomes,
            "latency_ms": self.latency.summary(),
            "from_send_ms": self.from_send.summary(),
            "generator_lag_ms": {"p99": self.generator_lag.percentile(99)},
        }

    def checks(self) -> list[Check]:
        """Self-checks to print with each run."""
        law = [] if self.mean_in_flight is None else [self._littles_law(self.mean_in_flight)]
        return [self._sums(), *law, self._nothing_dropped(), self._kept_up()]

    def _sums(self) -> Check:
        cut = sum(not sample.outcome for sample in self.samples) if self.ended_early else 0
        return Check(
            name="outcomes sum to started",
            holds=self.completed + cut == self.started,
            detail=f"{self.completed} of {self.started}" + f", {cut} were under way at the early end" * bool(cut),
        )

    def _littles_law(self, counted: float) -> Check:
        """L = λW: what was counted in flight while it happened against rate times mean time, afterwards."""
        ends = [(s.sent_s, self.seconds if s.done_s is None else s.done_s) for s in self.samples]
        times = [done_s - sent_s for sent_s, done_s in ends if sent_s is not None]
        expected = len(times) / max(self.seconds, 1e-9) * fmean(times) if times else 0.0
        return Check(
            name="Little's law within 10 %",
            holds=abs(counted - expected) <= 0.1 * max(expected, 0.05),
            detail=f"L = {counted:.3f} counted, λW = {expected:.3f}",
        )

    def _nothing_dropped(self) -> Check:
        return Check(name="no arrival dropped", holds=self.dropped == 0, detail=f"{self.dropped} of {self.offered}")

    def _kept_up(self) -> Check:
        lag_ms = self.generator_lag.percentile(99)
        detail = f"p99 of its lag {lag_ms:.1f} ms, at most {LAG_LIMIT_MS:.0f}"
        return Check(name="the generator kept up", holds=lag_ms <= LAG_LIMIT_MS, detail=detail)
