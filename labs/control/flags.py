"""The shop's flags as its operators see them: which there are, what they are set to, and how they are set.

Written from outside, as an operator would: to Postgres, which is the truth, and to every Memcached node, where all
replicas look every 0.4 s. A node that does not answer gets it from a replica, or forgets it when it restarts.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compose.gateway.model import MAX_RATE
from labs.control.probes import Probes
from labs.faults.fault import near

KEY = "flags"
KEPT_S = 86_400
WRITE = """
insert into flags.document (version, settings) values (%s, %s) on conflict (only_one) do update
set version = greatest(excluded.version, document.version + 1), settings = excluded.settings returning version
"""
"""A clock that was set back must not make a version that replicas take for an old one."""
WORDS = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}

MOST = {"gateway.rate_per_s": MAX_RATE, "gateway.rate_burst": MAX_RATE}
"""What the gateway takes; any other number goes up to A_BILLION."""
A_BILLION = 1_000_000_000

Value = bool | int | float | str
Setting = Callable[[str], Any]
"""Gives a flag's value."""


class UnknownFlag(Exception):
    """There is no such flag, or it cannot have this value; the message names what would do."""


@dataclass(frozen=True, kw_only=True)
class FlagState:
    """One flag: what it is by itself, and what it is now."""

    name: str
    value: Value
    default: Value
    unit: str
    help: str
    choices: tuple[str, ...]

    def read(self, text: str | Value) -> Value:
        """A value of the flag's type from what was typed. Raises UnknownFlag."""
        if self.choices and text not in self.choices:
            raise UnknownFlag(f"{self.name} is one of {', '.join(self.choices)}, not {text!r}")
        kind = type(self.default)
        if kind is bool:
            if str(text).lower() not in WORDS:
                raise UnknownFlag(f"{self.name} is on or off, not {text!r}")
            return WORDS[str(text).lower()]
        try:
            value: Value = kind(text)
        except ValueError:
            raise UnknownFlag(f"{self.name} is a number{self.unit and ' of ' + self.unit}, not {text!r}") from None
        most = MOST.get(self.name, A_BILLION)
        if not isinstance(value, str) and not 0 <= value <= most:
            raise UnknownFlag(f"{self.name} must be from 0 to {most}, not {text}")
        return value


class FlagBoard:
    """All flags of a shop. Every method raises RuntimeFailed when no Postgres takes writes. `clock` is time.time.

    It has a lock of its own, which makes one change wait for another. The shop's may be held for as long as a component
    needs to start, and a kill switch must not wait for that.
    """

    def __init__(self, probes: Probes, clock: Callable[[], float] = time.time) -> None:
        self._probes, self._clock = probes, clock
        self._values: dict[str, Value] = {}
        self._version, self._lock, self._changing = 0, threading.Lock(), threading.Lock()

    def value(self, name: str) -> Value:
        """What a flag is set to, for control itself: only control sets flags, so it need not look again."""
        known = self._values
        return known[name] if name in known else {flag.name: flag.value for flag in self.all()}[name]

    def all(self) -> list[FlagState]:
        """Every flag, sorted by name."""
        with self._probes.sql() as connection:
            rows = connection.execute("select * from flags.catalogue order by name").fetchall()
            version, set_to = _document(connection)
        found = [
            FlagState(
                name=row["name"], value=set_to.get(row["name"], row["preset"]), default=row["preset"],
                unit=row["unit"], help=row["help"], choices=tuple(row["choices"]),
            )
            for row in rows
        ]  # fmt: skip
        with self._lock:  # who read it before somebody else changed it must not have the last word
            if version >= self._version:
                self._version, self._values = version, {flag.name: flag.value for flag in found}
        return found

    def set(self, name: str, text: str | Value) -> tuple[Value, int]:
        """Set one flag, or give it back its default with the text `default`; its value, and the version that replicas
        must have then. Raises UnknownFlag.
        """
        with self._changing:
            known = {flag.name: flag for flag in self.all()}
            if name not in known:
                raise UnknownFlag(f"there is no flag {name!r}; {near(name, list(known))}")
            flag = known[name]
            value = flag.default if text == "default" else flag.read(text)
            values = {each.name: each.value for each in known.values() if each.value != each.default}
            values.pop(name, None)
            return value, self._write(values | ({} if value == flag.default else {name: value}))

    def clear(self) -> None:
        """Every flag at its default."""
        with self._changing:
            self._write({})

    def renew(self) -> None:
        """What is set in Postgres is new to everybody: it has been restored."""
        with self._changing:
            with self._probes.sql() as connection:
                _, values = _document(connection)
            self._write(values)

    def _write(self, values: Mapping[str, Value]) -> int:
        at_least = max(round(self._clock() * 1000), self._version + 1)
        with self._probes.sql() as connection:
            row: Any = connection.execute(WRITE, (at_least, json.dumps(dict(values)))).fetchone()
        version: int = row["version"]
        with self._lock:
            self._version, self._values = version, {}
        document = json.dumps({"version": version, "values": dict(values)}).encode()
        self._probes.each_cache(lambda client: client.set(KEY, document, KEPT_S, noreply=False))
        return version


def _document(connection: Any) -> tuple[int, dict[str, Value]]:
    """The version, and what is set to something else than its default."""
    row = connection.execute("select version, settings from flags.document").fetchone()
    return (row["version"], dict(row["settings"])) if row else (0, {})
