"""How often somebody may do something: at most so many times in a window that slides, counted by all replicas together.

        window before           window now
    ├─────────────────────┼────────┬─────────────┤     the last `window_s` seconds hold all of the 3 and, if the
            8 times            3   now, at 40 %        8 were spread evenly, 60 % of them: 8 * 0.6 + 3 = 7.8 times

A sliding window counter (Cloudflare, "How we built rate limiting capable of scaling to millions of domains", 2017): two
numbers for each key, however many come. A token bucket (nginx has one in the gateway) or its twin GCRA would have to
read, compute and write back, and of many replicas that do so with one busy key most would find that another was
quicker. An increment never fails for that, Memcached does it as one step, and of many who come at once each gets a
number of its own: within one window never more than `most` get through, however many ask.

The price: within a span that is no window, up to twice as many, if all came at the end of one and all come at the end
of the next. And the replicas' clocks have to agree, to a small part of a window.

It fails open. A limit keeps the shop well, it does not make it right: when the node that counts is away, everybody gets
through, and that is counted. Until the node is back another one counts, from nothing.
"""

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from hashlib import sha256
from math import ceil
from typing import NamedTuple

from prometheus_client import Counter

from services.common.errors import TooOften
from services.common.memcached import Node, NodeFailed
from services.common.placement import rendezvous

LIMITED = Counter("shop_rate_limited_total", "Refused because somebody asked too often", ["limit"])
OPEN = Counter("shop_rate_limit_open_total", "Let through uncounted, because no cache node could count", ["limit"])
HEADER = "X-Visitor"

visitor: ContextVar[str] = ContextVar("visitor", default="")
"""Whose request is worked on: the address of a visitor, as the gateway saw it. Empty for the shop's own machine, from
where tests, benches and control come."""


class Rate(NamedTuple):
    """So many times in so many seconds. Zero times: no limit."""

    most: float
    window_s: float


class RateLimit:
    """One limit, on as many keys as there are; `name` tells its counters and keys from those of others.

    `rate` is asked each time, so it may change while the limit is in use.
    """

    def __init__(
        self, name: str, nodes: Sequence[Node], rate: Callable[[], Rate], clock: Callable[[], float] = time.time
    ) -> None:
        self._name, self._place, self._rate, self._clock = name, rendezvous(nodes), rate, clock
        self._limited, self._open = LIMITED.labels(name), OPEN.labels(name)

    def admit(self, who: str) -> None:
        """Once more for this key. Raises TooOften, which is not counted: whoever slows down gets through again."""
        rate = self._rate()
        if rate.most <= 0:
            return
        try:
            wait_s = self._count(self._key(who), rate)
        except NodeFailed:
            return self._open.inc()
        if wait_s is not None:
            self._limited.inc()
            raise TooOften(
                f"that is more than {rate.most:g} times in {rate.window_s:g} s", retry_after_s=max(1, ceil(wait_s))
            )

    def _count(self, key: str, rate: Rate) -> float | None:
        """None when it is let through, else the seconds until it would be. Raises NodeFailed."""
        node = self._place(key)
        if node is None:
            raise NodeFailed("all nodes are left alone after failures")
        number, gone = divmod(self._clock() / rate.window_s, 1)
        present, past = (f"{key}:{rate.window_s:g}:{window:.0f}" for window in (number, number - 1))
        now, before = node.count(present, ttl_s=2 * rate.window_s + 1), int(node.get(past) or 0)
        if before * (1 - gone) + now <= rate.most:
            return None
        node.uncount(present)
        return wait_s(before, now - 1, gone, rate)

    def _key(self, who: str) -> str:
        """By its hash: a card's token must not be readable in Memcached, nor anything typed become a key."""
        return f"limit:{self._name}:{sha256(who.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def wait_s(before: int, now: int, gone: float, rate: Rate) -> float:
    """Seconds until one more fits, if nobody else comes: `before` and `now` are the numbers of the two windows, `gone`
    the part of the present one that is over. Solves before * (1 - part) + now + 1 = most for the part.
    """
    room = rate.most - 1 - now
    if before and room >= 0:
        return rate.window_s * max(0.0, 1 - room / before - gone)
    return rate.window_s * (1 - gone + max(0.0, 1 - (rate.most - 1) / max(now, 1)))
