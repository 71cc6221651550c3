"""The faults in force, on disk: an undo is written down before its fault is applied, so that nothing stays broken
unnoticed.
"""

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compose import places
from compose.runtime.verbs import RuntimeFailed


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One applied fault. No number is given twice: a timer may still hold the entry of a fault that was undone."""

    number: int
    fault: str
    target: str
    given: dict[str, Any]


class Ledger:
    """Entries in the order they were applied; every change reaches the disk before the call returns, if it has room."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries = [Entry(**entry) for entry in json.loads(path.read_text())] if path.exists() else []
        self._last = max((entry.number for entry in self._entries), default=0)

    def entries(self) -> list[Entry]:
        """All faults in force."""
        with self._lock:
            return list(self._entries)

    def add(self, fault: str, target: str, given: dict[str, Any]) -> Entry:
        """Write a fault down. Raises RuntimeFailed when that is not possible."""
        with self._lock:
            self._last += 1
            entry = Entry(number=self._last, fault=fault, target=target, given=given)
            try:
                self._save([*self._entries, entry])
            except OSError as error:
                raise RuntimeFailed(f"{fault} was not applied, as it cannot be written down: {error}") from error
            self._entries.append(entry)
            return entry

    def remove(self, entry: Entry) -> None:
        """It is undone. One that stays on disk, for want of room, is undone once more by the next control."""
        with self._lock:
            self._entries = [kept for kept in self._entries if kept != entry]
            with suppress(OSError):
                self._save(self._entries)

    def _save(self, entries: Sequence[Entry]) -> None:
        places.write_private(self._path, json.dumps([asdict(entry) for entry in entries]))
