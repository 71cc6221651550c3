"""Run-time switches: every replica follows a change within a second, without a restart.

    control writes ──► Postgres (the truth) and every Memcached node (what replicas read, every 0.4 s)

A replica takes the newest document it can find: from any Memcached node, from Postgres when none of them has one (then
it puts it back), and when both are away it keeps the last one it knew. A flag that nobody has set has its default.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Gauge

from services.common.db import Database
from services.common.errors import ShopError
from services.common.memcached import Node, NodeFailed
from services.common.telemetry import log
from services.common.worker import Background, every

KEY = "flags"
EVERY_S = 0.4
KEPT_S = 86_400.0
VERSION = Gauge("shop_flags_version", "The newest flags this replica knows: milliseconds since 1970, 0 for none")

Value = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One switch of one service: `name` is service.switch. The default's type is the flag's; `choices` bound a text."""

    name: str
    default: Value
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Document:
    """All flags that were set, at one moment. A later one has a higher `version`: milliseconds since 1970, or one more
    than the last where the clock was set back.
    """

    version: int = 0
    values: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def read(cls, text: bytes | str) -> "Document":
        """From its JSON. Raises ValueError."""
        found = json.loads(text)
        if not isinstance(found, dict) or not isinstance(found.get("values"), dict):
            raise ValueError("this is no document of flags")
        return cls(version=int(found["version"]), values=found["values"])

    def to_json(self) -> str:
        """As control writes it."""
        return json.dumps({"version": self.version, "values": dict(self.values)})


class Flags:
    """The flags of one service in one replica: `flags["catalog.single_flight"]`. Reading costs a dictionary look-up.

    `table` reads the document from Postgres, for services that have a database. Raises KeyError for a flag that was not
    declared: a typo must not be a silent default.
    """

    def __init__(
        self,
        declared: Sequence[Flag],
        nodes: Sequence[Node] = (),
        table: Callable[[], Document] | None = None,
    ) -> None:
        self._defaults = {flag.name: flag.default for flag in declared}
        self._nodes, self._table = nodes, table
        self._values, self._version = dict(self._defaults), 0

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def refresh(self) -> None:
        """Look for a newer document. Never raises: what is known stays in force."""
        found = list(self._cached())
        if not found and self._table is not None:
            with suppress(ShopError):
                found.append(self._table())
                self._put_back(found[0])
        newest = max(found, key=lambda document: document.version, default=None)
        if newest is not None and newest.version > self._version:
            self._take(newest)

    def _cached(self) -> Iterator[Document]:
        for node in self._nodes:
            with suppress(NodeFailed, ValueError, KeyError, TypeError):
                if node.alive() and (text := node.get(KEY)) is not None:
                    yield Document.read(text)

    def _put_back(self, document: Document) -> None:
        for node in self._nodes:
            with suppress(NodeFailed):
                if node.alive():
                    node.add(KEY, document.to_json().encode(), KEPT_S)

    def _take(self, document: Document) -> None:
        ours = {name: document.values.get(name, default) for name, default in self._defaults.items()}
        if ours != self._values:
            log().info("flags", version=document.version, values=ours)
        self._values, self._version = ours, document.version
        VERSION.set(document.version)


def in_table(database: Database) -> Callable[[], Document]:
    """Read the document from the primary (a replica may lag); an empty one when no flag was ever set."""

    def read() -> Document:
        with database.transaction() as connection:
            row = connection.execute("select version, settings from flags.document").fetchone()
        return Document(version=row[0], values=row[1]) if row else Document()

    return read


def follow(
    background: Background, declared: Sequence[Flag], nodes: Sequence[Node], database: Database | None = None
) -> Flags:
    """The flags of a service; the replica looks once before it serves or consumes, then every 0.4 s."""
    flags = Flags(declared, nodes, in_table(database) if database else None)
    background.opens(flags.refresh)
    background.runs("flags", every(EVERY_S, flags.refresh, "flags"))
    return flags
