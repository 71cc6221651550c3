"""Cache-aside: look into Memcached, load what is missing, remember it for a while.

A cache that fails counts as a miss: slower, never wrong, never an error. And a miss must not become a stampede, so
of all who want the same missing thing at once, one loads it; what was loaded together does not expire together; and
what is wanted all the time is loaded anew before it expires.
"""

import random
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TypeVar

from prometheus_client import Counter, Gauge

from services.common.early_refresh import stamped, unstamped, wants_refresh
from services.common.errors import NotFound, ShopError
from services.common.memcached import Node, NodeFailed
from services.common.placement import Place, rendezvous

T = TypeVar("T")
LOOKUPS = Counter("shop_cache_lookups_total", "Lookups in the cache", ["cache", "result"])
LOADS = Counter("shop_cache_loads_total", "Times the origin was asked", ["cache"])
IN_USE = Gauge(
    "shop_cache_nodes_in_use", "Cache nodes that are asked: all but those left alone after a failure", ["cache"]
)

MISSING = b"\0"
"""An entry that begins with this says what does not exist; no JSON, SVG or text we cache begins so."""
JITTER = 0.2
LONGEST_KEY = 200
UNUSUAL = re.compile(r"[^!-~]").search
LOCK_S = 2.0  # Memcached may end it a second early
POLL_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What keeps misses from becoming a stampede. Each can be switched off, to see what it is worth."""

    single_flight: bool = True
    jitter: bool = True
    early_refresh: bool = True


class Cache:
    """One kind of cached thing; `name` tells its counters and keys from those of others.

    `missing_s`: how long a NotFound is remembered. `flight_s`: how long a thread waits for another one of this process
    that loads the same; `peer_s`: how long for another replica. Whoever waited in vain loads it itself.
    """

    def __init__(
        self,
        name: str,
        nodes: Sequence[Node],
        place: Place | None = None,
        missing_s: float = 5.0,
        flight_s: float = 1.0,
        peer_s: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
        habits: Callable[[], Habits] = Habits,
    ) -> None:
        self._name, self._sleep, self._habits = name, sleep, habits
        self._place = place or rendezvous(nodes)
        IN_USE.labels(name).set_function(lambda: sum(node.alive() for node in nodes))
        self._missing_s, self._flight_s, self._peer_s = missing_s, flight_s, peer_s
        self._flights: dict[str, Future[bytes]] = {}
        self._hit, self._miss, self._error = (LOOKUPS.labels(name, result) for result in ("hit", "miss", "error"))
        self._loads = LOADS.labels(name)

    def through(self, key: str, load: Callable[[], bytes], ttl_s: float) -> bytes:
        """What is cached under `key`, or else what `load` gives, then cached for 0.8 to 1 times `ttl_s` seconds.

        Raises what `load` raises; a NotFound is remembered too.
        """
        key, habits = self._safe(key), self._habits()
        bring = partial(self._bring, key, load, ttl_s, habits.jitter)
        entry = self._look(key)
        (self._miss if entry is None else self._hit).inc()
        if entry is None:
            entry = self._bring_once(key, bring) if habits.single_flight else bring()
        elif habits.early_refresh and wants_refresh(entry, time.time(), 1 - random.random()):
            with suppress(ShopError):  # the origin fails: what we have is still good
                entry = self._bring_for_all(key, bring, old=entry)
        found = unstamped(entry)
        if found[:1] == MISSING:
            raise NotFound(found[1:].decode())
        return found

    def forget(self, key: str) -> None:
        """Drop an entry because its origin changed. A node that does not answer keeps it until it expires."""
        key = self._safe(key)
        self._ask(key, lambda node: node.delete(key))

    def _safe(self, key: str) -> str:
        """Memcached allows 250 bytes without spaces and control characters: anything else goes by its hash."""
        if len(key) > LONGEST_KEY or UNUSUAL(key):
            key = "sha256:" + sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._name}:{key}"

    def _ask(self, key: str, question: Callable[[Node], T]) -> T | None:
        """Ask the living node that keeps the key. The one place where the cache's failures end: as None."""
        node = self._place(key)
        try:
            return question(node) if node else None
        except NodeFailed:
            self._error.inc()
            return None

    def _look(self, key: str) -> bytes | None:
        return self._ask(key, lambda node: node.get(key))

    def _bring(self, key: str, load: Callable[[], bytes], ttl_s: float, jitter: bool) -> bytes:
        """Ask the origin, and keep what it says."""
        self._loads.inc()
        began = time.monotonic()
        try:
            entry = load()
        except NotFound as absent:
            entry, ttl_s = MISSING + absent.detail.encode(), self._missing_s
        life_s = ttl_s * (1 - JITTER * random.random()) if jitter else ttl_s
        entry = stamped(entry, time.time(), life_s, took_s=time.monotonic() - began)
        self._ask(key, lambda node: node.set(key, entry, life_s))
        return entry

    def _bring_once(self, key: str, bring: Callable[[], bytes]) -> bytes:
        """Single flight in this process: the first thread loads, the others wait for its outcome, be it an error."""
        mine: Future[bytes] = Future()
        flight = self._flights.setdefault(key, mine)  # atomic: of many threads exactly one finds its own
        if flight is not mine:
            return flight.result() if wait([flight], self._flight_s).done else bring()
        try:
            mine.set_result(self._bring_for_all(key, bring))
        except BaseException as error:
            mine.set_exception(error)
        finally:
            del self._flights[key]
        return mine.result()

    def _bring_for_all(self, key: str, bring: Callable[[], bytes], old: bytes | None = None) -> bytes:
        """Single flight across replicas: who gets the lock loads. The others have the old entry meanwhile, or watch
        the cache for a moment.

        The lock is a hint, not a promise: when its node fails, or its owner takes long, several replicas load.
        """
        lock = f"lock:{key}"
        locked = self._ask(key, lambda node: node.add(lock, b"1", LOCK_S))
        if locked is False and (found := old or self._watch(key)) is not None:
            return found
        try:  # perhaps somebody brought it between our look and our lock
            return (self._look(key) if locked and not old else None) or bring()
        finally:
            if locked:
                self._ask(key, lambda node: node.delete(lock))

    def _watch(self, key: str) -> bytes | None:
        """Look again and again until another replica has put it there or our patience ends."""
        for _ in range(round(self._peer_s / POLL_S)):
            self._sleep(POLL_S)
            if (found := self._look(key)) is not None:
                return found
        return None
