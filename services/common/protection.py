"""What protects a service from one of its peers, and that peer from the service: breaker, bulkhead, retry budget.

Each can be switched while the shop runs, by a flag of the calling service: `orders.breaker`, `storefront.bulkhead` ...
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from prometheus_client import Counter, Gauge

from services.common.breaker import CircuitBreaker
from services.common.bulkhead import Bulkhead
from services.common.errors import Refused, ShopError, TimedOut, Unavailable
from services.common.flags import Flag, Flags, Value
from services.common.retry_budget import RetryBudget
from services.common.settings import PeerSettings

CALLS = Counter("shop_peer_calls_total", "Calls to other services, by how they ended", ["peer", "outcome"])
REFUSED = Counter("shop_peer_refused_total", "Calls that were not made, by what refused them", ["peer", "by"])
RETRIES = Counter("shop_peer_retries_total", "Retries that were made, or forbidden by the budget", ["peer", "outcome"])
OPEN = Gauge("shop_peer_circuit_open", "Whether the circuit to a peer is open: 1, half-open too, or 0", ["peer"])
UNDER_WAY = Gauge("shop_peer_calls_under_way", "Calls that have a place in the bulkhead", ["peer"])

KNOBS: Mapping[str, tuple[Value, str]] = {
    "deadlines": (True, "whether calls say how long they are waited for, and end when the caller's own time is over"),
    "retries": (2, "further attempts where a retry is safe"),
    "retry_budget": (True, "whether retries are kept below a share of the calls"),
    "retry_jitter": (True, "whether the pause before a retry is drawn at random, so that callers do not keep in step"),
    "breaker": (True, "whether a peer that failed again and again is left alone for a while"),
    "bulkhead": (True, "whether one peer may have only some of the threads"),
}
COUNTED = (CALLS, REFUSED, RETRIES, OPEN, UNDER_WAY)
Knob = Callable[[str], Any]


def peer_flags(service: str) -> tuple[Flag, ...]:
    """The flags of a service that calls others."""
    return tuple(Flag(name=f"{service}.{name}", default=value, help=help) for name, (value, help) in KNOBS.items())


def following(flags: Flags, service: str) -> Knob:
    """The knobs as this service's flags say. The names are made once: a call asks for half a dozen."""
    names = {name: f"{service}.{name}" for name in KNOBS}
    return lambda name: flags[names[name]]


def forget_calls() -> None:
    """As if nobody had been called yet."""
    for metric in COUNTED:
        metric.clear()


def preset(name: str) -> Value:
    """Every knob as it is by default."""
    return KNOBS[name][0]


class Protection:
    """All there is between this service and one peer, which has so many `places`. `knob` tells how the switches are at
    the moment.
    """

    def __init__(self, peer: str, settings: PeerSettings, knob: Knob, places: int) -> None:
        self.peer, self._knob, self._queue_s = peer, knob, settings.peer_queue_s
        self.budget = RetryBudget(settings.retry_budget)
        self.breaker = CircuitBreaker(peer, settings.breaker_failures, settings.breaker_wait_s)
        self.bulkhead = Bulkhead(peer, places)
        OPEN.labels(peer).set_function(lambda: self.breaker.state != "closed")
        self._under_way, self._done = UNDER_WAY.labels(peer), CALLS.labels(peer, "ok")
        self._retried, self._over_budget = RETRIES.labels(peer, "made"), RETRIES.labels(peer, "over_budget")

    def call(self, work: Callable[[], Any], wait_s: float, patient: bool) -> Any:
        """Do the work unless the peer is left alone or has its share of the threads already. Raises ShopError: Refused
        when nobody was asked.
        """
        try:
            with ExitStack() as guards:
                if self._knob("breaker"):
                    guards.enter_context(self.breaker.guard(patient))
                if self._knob("bulkhead"):
                    guards.enter_context(self.bulkhead.place(min(self._queue_s, wait_s)))
                guards.enter_context(self._under_way.track_inprogress())
                answer = work()
        except ShopError as error:
            self._failed(error)
            raise
        self._done.inc()
        return answer

    def _failed(self, error: ShopError) -> None:
        if isinstance(error, Refused):
            REFUSED.labels(self.peer, error.extra.get("by", "peer")).inc()
        CALLS.labels(self.peer, OUTCOMES.get(type(error), "answered")).inc()

    def may_retry(self) -> bool:
        """One more attempt, if the budget allows it. Nobody makes one while the circuit is not closed: a trial is one
        attempt.
        """
        if self._knob("breaker") and self.breaker.state != "closed":
            return False
        allowed = not self._knob("retry_budget") or self.budget.spend()
        (self._retried if allowed else self._over_budget).inc()
        return allowed


OUTCOMES: Mapping[type[ShopError], str] = {Refused: "refused", Unavailable: "unavailable", TimedOut: "timed_out"}
