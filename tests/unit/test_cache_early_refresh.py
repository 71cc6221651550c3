"""An entry is loaded anew before it expires, by one reader, while the others still have the old one."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.cache import MISSING, Cache, Habits
from services.common.early_refresh import SPARE_S, stamped, unstamped, wants_refresh
from services.common.errors import NotFound, Unavailable
from tests.unit.cache_fakes import FakeNode

DUE = stamped(b"old", now=0.0, life_s=1.0, took_s=0.1)


def cache_with(entry: bytes, habits: Habits | None = None) -> Cache:
    node = FakeNode()
    node.kept["t:k"] = entry
    return Cache("t", [node], habits=lambda: habits or Habits())


@given(st.binary(), st.floats(0, 1e9), st.floats(0.1, 1e6), st.floats(0, 10))
def test_a_stamp_changes_nothing_of_what_is_kept(entry: bytes, now: float, life_s: float, took_s: float) -> None:
    assert unstamped(stamped(entry, now, life_s, took_s)) == entry


def test_an_entry_without_a_stamp_is_never_refreshed():
    assert not wants_refresh(b"{}", now=1e12, die=1e-9)
    assert unstamped(b"{}") == b"{}"


def test_nobody_refreshes_long_before_the_end_and_everybody_would_after_it():
    entry = stamped(b"x", now=100.0, life_s=60.0, took_s=0.1)
    due = 160 - SPARE_S
    assert not wants_refresh(entry, now=150.0, die=1e-9)
    assert wants_refresh(entry, now=due, die=1.0)


def test_how_early_one_begins_is_exponential_with_the_mean_of_what_a_load_takes():
    entry, dice = stamped(b"x", now=0.0, life_s=60.0, took_s=2.0), Random(1)
    due = 60 - SPARE_S
    begins = sum(wants_refresh(entry, now=due - 2.0, die=1 - dice.random()) for _ in range(20_000))
    assert begins / 20_000 == pytest.approx(math.exp(-1), abs=0.02)


def test_who_finds_it_due_loads_it_and_the_next_reader_does_not():
    cache, asked = cache_with(DUE), []
    assert [cache.through("k", lambda: asked.append(1) or b"new", 60) for _ in range(3)] == [b"new"] * 3
    assert len(asked) == 1


def test_while_one_refreshes_the_others_have_the_old_entry_at_once():
    cache, started, go = cache_with(DUE), threading.Event(), threading.Event()

    def slow() -> bytes:
        started.set()
        go.wait(10)
        return b"new"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.through, "k", slow, 60)
        started.wait(10)
        others = [cache.through("k", lambda: pytest.fail("asked twice"), 60) for _ in range(5)]
        go.set()
        assert others == [b"old"] * 5 and first.result(10) == b"new"


def test_an_origin_that_fails_leaves_the_old_entry_in_use():
    def fails() -> bytes:
        raise Unavailable("no database")

    assert cache_with(DUE).through("k", fails, 60) == b"old"


def test_that_something_does_not_exist_is_refreshed_too():
    absent = stamped(MISSING + b"gone", now=0.0, life_s=1.0, took_s=0.1)
    assert cache_with(absent).through("k", lambda: b"back", 60) == b"back"
    with pytest.raises(NotFound, match="gone"):
        cache_with(absent, Habits(early_refresh=False)).through("k", lambda: b"back", 60)


def test_switched_off_an_entry_is_used_until_the_cache_drops_it():
    cache = cache_with(DUE, Habits(early_refresh=False))
    assert cache.through("k", lambda: pytest.fail("asked"), 60) == b"old"
