"""Who may come in when a replica has more to do than it can: tiers of requests, and a limit that finds itself.

    arrives ──► waits for a thread ──► admitted? ──► its route
                                           └─ no ──► 503 with Retry-After, within a fraction of a millisecond

A queue without a limit serves nobody: everybody waits, and is answered when nobody listens any more. So a replica
refuses while it can still answer the others in time; first what matters least: extras, then browsing, then checkout.

The limit is on requests inside: worked on, or waiting for a thread. How many may wait is found as TCP finds its window,
by additive increase and multiplicative decrease (Chiu and Jain 1989; as the AIMD limit of Netflix's
concurrency-limits). The sign of congestion is CoDel's (Nichols and Jacobson 2012): the shortest wait within a while. A
burst leaves somebody who hardly waited, a standing queue nobody. The limit never falls below the number of threads: a
thread that has nothing to do helps nobody.
"""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

from flask import Flask, request
from prometheus_client import Counter, Gauge

from services.common.errors import Refused
from services.common.flags import Flag, Flags

SHED = Counter("shop_shed_total", "Requests refused because the replica had too much to do", ["tier"])
LIMIT = Gauge("shop_admission_limit", "Requests that may be inside a replica at once, as found so far")
HEADER = "X-Tier"
RETRY_AFTER_S = (2, 5)
"""When who was refused may come again: spread, so that they do not all come at once."""
FREE = frozenset(("static", "openapi", "livez", "readyz", "metrics", "set_fault"))
"""Endpoints that are never refused: cheap, or asked by those who look after the replica."""


class Tier(StrEnum):
    """How much a request matters. What one service asks of another matters as much as what it was asked itself."""

    CHECKOUT = "checkout"
    BROWSE = "browse"
    EXTRAS = "extras"


class Overloaded(Refused):
    """There is too much to do for a request of this tier: nothing happened, and it is too early to ask again."""

    kind = "overloaded"


SHARES: Mapping[Tier, float] = {Tier.CHECKOUT: 2.0, Tier.BROWSE: 1.0, Tier.EXTRAS: 0.5}
"""A tier is let in while no more than this share of the limit is inside. Checkout's is above one: those who browse and
wait to be refused are inside as well, and must not be what keeps a checkout out.
"""

TIERS: Mapping[str, Tier] = {tier.value: tier for tier in Tier}

current: ContextVar[Tier | None] = ContextVar("tier", default=None)
"""The tier of the request that is worked on, None outside of one."""


class Crowd:
    """The requests inside one replica, which has so many `threads`. Who works on one knows how long it has waited."""

    def __init__(self, threads: int = 8, clock: Callable[[], float] = time.monotonic) -> None:
        self.threads, self.inside = threads, 0
        self._clock, self._lock, self._mine = clock, threading.Lock(), threading.local()

    def enter(self) -> float:
        """One has arrived, now."""
        with self._lock:
            self.inside += 1
        return self._clock()

    @contextmanager
    def served(self, arrived: float) -> Iterator[None]:
        """A thread works on it; afterwards it is gone."""
        self._mine.waited_s = self._clock() - arrived
        try:
            yield
        finally:
            with self._lock:
                self.inside -= 1

    @property
    def waited_s(self) -> float:
        """How long the request that this thread works on has waited for it."""
        return float(getattr(self._mine, "waited_s", 0.0))


class Limit:
    """How many may be inside: every `interval_s` a tenth less when everybody had to wait for longer than `target_s`,
    else one more if that many come at all. Between one and sixteen for each thread.
    """

    def __init__(
        self,
        crowd: Crowd,
        target_s: float = 0.1,
        interval_s: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._crowd, self._target_s, self._interval_s = crowd, target_s, interval_s
        self._clock, self._lock = clock, threading.Lock()
        self._began, self._shortest_s = clock(), math.inf
        self.now = 2.0 * crowd.threads

    def learn(self) -> float:
        """A request got its thread; the limit from now on."""
        with self._lock:
            if self._clock() >= self._began + self._interval_s:
                self.now = self._next()
                self._began, self._shortest_s = self._clock(), math.inf
            self._shortest_s = min(self._shortest_s, self._crowd.waited_s)
            return self.now

    def _next(self) -> float:
        threads = self._crowd.threads
        if math.inf > self._shortest_s > self._target_s:
            return max(threads, self.now * 0.9)
        if self._crowd.inside > self.now / 2:  # nothing is learned about a limit that few come near
            return min(16 * threads, self.now + 1)
        return self.now


class Shedder:
    """Where requests are let in or refused; `shedding` tells whether anybody is refused at the moment."""

    def __init__(self, crowd: Crowd, shedding: Callable[[], bool] = lambda: True) -> None:
        self.shedding = shedding
        self._crowd, self._limit = crowd, Limit(crowd)

    def admit(self, tier: Tier) -> None:
        """Let it in. Raises Overloaded."""
        limit = self._limit.learn()
        LIMIT.set(limit)
        if self._crowd.inside > max(1.0, SHARES[tier] * limit) and self.shedding():
            SHED.labels(tier.value).inc()
            raise Overloaded(
                "there is too much to do right now", by="shedding", retry_after_s=random.randint(*RETRY_AFTER_S)
            )


crowd = Crowd()
"""Who is inside this process: one process is one replica."""


def install(app: Flask, usual: Tier, special: Mapping[str, Tier]) -> None:
    """Put a shedder before all routes. Their tier is `usual`, unless their endpoint is `special` or a caller among the
    services says whom it asks for.
    """
    shedder = app.extensions["shedder"] = Shedder(crowd)

    @app.before_request
    def admit() -> None:
        if request.endpoint not in FREE:
            tier = TIERS.get(request.environ.get("HTTP_X_TIER", "")) or special.get(request.endpoint or "", usual)
            current.set(tier)
            shedder.admit(tier)


def shedding_flag(service: str) -> Flag:
    """A service's switch for its shedders."""
    help = "whether a replica with too much to do refuses what matters less, before it is too late for everybody"
    return Flag(name=f"{service}.shedding", default=True, help=help)


def obey(app: Any, flags: Flags, service: str) -> None:
    """From now on the app's shedder does as the flag says."""
    name = shedding_flag(service).name
    app.extensions["shedder"].shedding = lambda: bool(flags[name])
