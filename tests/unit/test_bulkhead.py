"""A bulkhead gives so many places and no more, and makes nobody wait for long."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from services.common.bulkhead import Bulkhead
from services.common.errors import Refused


def test_whoever_finds_all_places_taken_is_refused_at_once_if_it_cannot_wait() -> None:
    bulkhead = Bulkhead("payments", 1)
    with bulkhead.place(0), pytest.raises(Refused) as refused, bulkhead.place(0):
        pass
    assert refused.value.extra["by"] == "bulkhead"
    with bulkhead.place(0):
        pass


def test_a_place_is_free_again_after_an_error() -> None:
    bulkhead = Bulkhead("payments", 1)
    for _ in range(3):
        with pytest.raises(ValueError), bulkhead.place(0):
            raise ValueError


def test_whoever_waits_gets_the_place_that_becomes_free() -> None:
    bulkhead, inside, over = Bulkhead("payments", 1), threading.Event(), threading.Event()

    def hold() -> None:
        with bulkhead.place(0):
            inside.set()
            over.wait(5)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(hold)
        inside.wait(5)
        threading.Timer(0.05, over.set).start()
        with bulkhead.place(5):
            assert over.is_set()


def test_half_as_many_wait_as_there_are_places_and_the_next_is_refused_at_once() -> None:
    bulkhead, held, over = Bulkhead("payments", 2), threading.Barrier(3), threading.Event()

    def hold() -> None:
        with bulkhead.place(0):
            held.wait(5)
            over.wait(5)

    with ThreadPoolExecutor(3) as threads:
        inside = [threads.submit(hold) for _ in range(2)]
        held.wait(5)
        waiting = threads.submit(lambda: bulkhead.place(5).__enter__())
        deadline = time.monotonic() + 5
        while (not waiting.running() or bulkhead._seats._value) and time.monotonic() < deadline:
            time.sleep(0.001)
        with pytest.raises(Refused), bulkhead.place(5):
            pass
        over.set()
    assert all(each.exception() is None for each in (*inside, waiting))


def test_never_more_are_inside_than_there_are_places() -> None:
    bulkhead, lock, inside, most = Bulkhead("payments", 3), threading.Lock(), 0, 0

    def call(_: int) -> None:
        nonlocal inside, most
        with suppress(Refused), bulkhead.place(5):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.002)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(call, range(60)))
    assert (most, inside) == (3, 0)
