"""The simulated payment provider: as slow, as unreliable and as strict as it is told to be.

How it behaves is kept in Postgres, so that all replicas agree; each looks at most every half second.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from psycopg.rows import class_row

from services.common.db import Database
from services.common.errors import Unavailable

FRESH_S = 0.5


@dataclass(frozen=True)
class Behaviour:
    """`latency_ms` before every answer; `error_rate` and `decline_rate` are shares of the calls, 0 to 1."""

    latency_ms: int = 0
    error_rate: float = 0.0
    decline_rate: float = 0.0


class Behaviours(Protocol):
    """Where the behaviour is kept; see `ProviderTable`."""

    def current(self) -> Behaviour: ...


class ProviderTable:
    """The table `provider`, which has one row or none."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known, self._fresh_until = Behaviour(), 0.0

    def current(self) -> Behaviour:
        """At most half a second old, older only while the database does not answer (charging will fail then anyway)."""
        if time.monotonic() >= self._fresh_until:
            self._fresh_until = time.monotonic() + FRESH_S
            self._known = self.load()
        return self._known

    def load(self) -> Behaviour:
        """Exactly what holds now."""
        query = "select latency_ms, error_rate, decline_rate from provider"
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(Behaviour)) as cursor:
            return cursor.execute(query).fetchone() or Behaviour()

    def change(self, behaviour: Behaviour) -> None:
        """Have every replica behave so within half a second, this one at once."""
        with self._database.transaction() as connection:
            connection.execute(
                "insert into provider (latency_ms, error_rate, decline_rate) values (%s, %s, %s) "
                "on conflict (singleton) do update set latency_ms = excluded.latency_ms, "
                "error_rate = excluded.error_rate, decline_rate = excluded.decline_rate",
                (behaviour.latency_ms, behaviour.error_rate, behaviour.decline_rate),
            )
        self._known, self._fresh_until = behaviour, time.monotonic() + FRESH_S


class Provider:
    """Decides about cards. Knows no keys: asking twice is two decisions, so callers must remember the first."""

    def __init__(
        self,
        behaviours: Behaviours,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._behaviours, self._sleep, self._chance = behaviours, sleep, chance

    def decide(self, token: str) -> str:
        """charged or declined, after the provider's latency. Raises Unavailable: then no money moved."""
        behaviour = self._behaviours.current()
        if behaviour.latency_ms:
            self._sleep(behaviour.latency_ms / 1000)
        if self._chance() < behaviour.error_rate:
            raise Unavailable("the payment provider has an outage")
        if token.startswith("tok_declined") or self._chance() < behaviour.decline_rate:
            return "declined"
        return "charged"
