"""How to take back what a lab did: written down before it is done, so that after a killed run the next one can."""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compose.runtime.processes import Ours, ours
from labs.engine.folder import RUNS, RunFolder
from labs.shop import Shop

FILE = "undo.json"


class NotUndone(Exception):
    """The shop answered, but something is left."""


@dataclass(frozen=True)
class Undo:
    """One thing to take back: a verb of the shop with its arguments."""

    verb: str
    args: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.verb, *map(str, self.args)])

    def apply(self, shop: Shop) -> None:
        verbs: dict[str, Callable[..., object]] = {
            "scale": shop.scale,
            "lane": shop.lane,
            "balance": shop.balance,
            "flag": shop.set_flag,
            "heal": shop.heal,
            "redeliver": shop.redeliver,
            "recall": shop.recall,
            "restock": shop.restock,
            "resend": shop.resend,
            "stop_sale": shop.stop_sale,
            "switchover": shop.switchover,
            "reset": shop.reset,
        }
        left = verbs[self.verb](*self.args)
        if self.verb == "heal" and left:
            raise NotUndone(f"{left} could not be undone")


@dataclass
class UndoList:
    """What is still to be taken back, newest last; the same list lies in the run's folder."""

    folder: RunFolder
    shop_name: str = ""
    pending: list[Undo] = field(default_factory=list)

    def add(self, undo: Undo, last: bool = False) -> None:
        """To be called before the deed. The same undo twice is one. `last`: to be done when everything else is."""
        if undo not in self.pending:
            self.pending.insert(0 if last else len(self.pending), undo)
            self._save()

    def roll_back(self, shop: Shop) -> list[dict[str, object]]:
        """Take everything back, newest first, whatever fails on the way; what was tried and how it went."""
        tried: list[dict[str, object]] = []
        for undo in reversed(self.pending.copy()):
            problem = _attempt(undo, shop)
            tried.append({"undo": str(undo), "ok": problem is None, "detail": problem or ""})
            if problem is None:
                self.pending.remove(undo)
                with contextlib.suppress(OSError):  # a full disk: the list stays too long, and an undo may be repeated
                    self._save()
        return tried

    def _save(self) -> None:
        undos = [[undo.verb, *undo.args] for undo in self.pending]
        me = ours(os.getpid())
        runner = {"pid": me.pid, "began": me.created, "birth": me.birth}
        self.folder.write_json(FILE, {"shop": self.shop_name, "runner": runner, "undo": undos})


def finish_interrupted(shop: Shop, runs: Path = RUNS) -> list[dict[str, object]]:
    """Roll back what runs that were killed changed in this shop; not those that still run. Every run begins with it."""
    tried: list[dict[str, object]] = []
    for path in sorted(runs.glob(f"*/*/{FILE}"), reverse=True):
        with contextlib.suppress(ValueError, KeyError, OSError):
            left = json.loads(path.read_text())
            if left["undo"] and left["shop"] == shop.name and not _alive(left["runner"]):
                undos = [Undo(verb, tuple(args)) for verb, *args in left["undo"]]
                tried += UndoList(RunFolder(path.parent), shop.name, undos).roll_back(shop)
    return tried


def _alive(runner: dict[str, Any]) -> bool:
    """Whether the process that wrote a list still runs: then it will roll back itself."""
    return Ours(runner["pid"], runner["began"], runner.get("birth", "")).process() is not None


def _attempt(undo: Undo, shop: Shop) -> str | None:
    try:
        undo.apply(shop)
    except Exception as error:  # whatever it is, the rest must be taken back too
        if getattr(error, "unknown", False):  # a flag, a service that there is no longer: nothing to take back
            return None
        return f"{type(error).__name__}: {error}"
    return None
