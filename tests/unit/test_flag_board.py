"""Flags as control itself reads them, while somebody else sets one."""

import json
import threading
from collections.abc import Callable
from typing import Any, cast

from labs.control.flags import FlagBoard

NAME = "postgres.synchronous"


class Tables:
    """A Postgres with one flag, and no caches. What somebody else does just before a change is there, or just after the
    next reading, can be handed in; it is done once.
    """

    def __init__(self) -> None:
        self.document: dict[str, Any] | None = None
        self.before_change: list[Callable[[], object]] = []
        self.after_reading: list[Callable[[], object]] = []

    def sql(self) -> "Tables":
        return self

    def __enter__(self) -> "Tables":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def execute(self, query: str, values: tuple[int, str] | None = None) -> "Rows":
        if "catalogue" in query:
            return Rows([{"name": NAME, "preset": False, "help": "", "unit": "", "choices": []}])
        if values:
            _do_once(self.before_change)
            self.document = {"version": values[0], "settings": json.loads(values[1])}
            return Rows([self.document])
        found = Rows([self.document] if self.document else [])
        _do_once(self.after_reading)
        return found

    def each_cache(self, put: object) -> None:
        pass


class Rows(list[dict[str, Any]]):
    """What a query found."""

    def fetchall(self) -> list[dict[str, Any]]:
        return self

    def fetchone(self) -> dict[str, Any] | None:
        return next(iter(self), None)


def _do_once(calls: list[Callable[[], object]]) -> None:
    if calls:
        calls.pop()()


def board(tables: Tables, *seconds: float) -> FlagBoard:
    """`seconds`: what the clock says each time it is asked; a thousand when left out."""
    clock = iter(seconds or range(1000, 2000))
    return FlagBoard(cast(Any, tables), lambda: next(clock))


def test_who_looks_while_a_flag_is_being_set_does_not_hide_it() -> None:
    tables = Tables()
    flags = board(tables)
    assert flags.value(NAME) is False
    tables.before_change.append(lambda: flags.value(NAME))
    flags.set(NAME, "on")
    assert flags.value(NAME) is True


def test_who_has_read_before_a_flag_was_set_does_not_have_the_last_word() -> None:
    tables = Tables()
    flags = board(tables)
    tables.after_reading.append(lambda: flags.set(NAME, "on"))
    flags.all()
    assert flags.value(NAME) is True


def test_two_who_set_a_flag_at_the_same_time_do_so_one_after_the_other() -> None:
    tables = Tables()
    flags = board(tables)
    second = threading.Thread(target=flags.set, args=(NAME, "off"), daemon=True)
    tables.before_change.append(second.start)
    flags.set(NAME, "on")
    second.join(5)
    assert tables.document == {"version": 1_001_000, "settings": {}}


def test_a_clock_that_was_set_back_makes_no_version_that_replicas_would_take_for_an_old_one() -> None:
    flags = board(Tables(), 1000.0, 10.0, 2000.0)
    versions = [flags.set(NAME, word)[1] for word in ("on", "off", "on")]
    assert versions == [1_000_000, 1_000_001, 2_000_000]
