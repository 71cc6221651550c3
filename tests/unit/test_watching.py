"""Looking after the shop while parts of it are away, and resting without keeping others from it."""

import threading

import psycopg

from compose.gateway import SpecInvalid
from compose.runtime.verbs import RuntimeFailed
from labs.control.watching import rest, watch


def test_who_rests_lets_others_have_the_lock_however_often_it_is_held() -> None:
    lock, had = threading.RLock(), threading.Event()

    def other() -> None:
        with lock:
            had.set()

    with lock, lock:
        threading.Thread(target=other).start()
        assert not had.wait(0.02)
        rest(lock, 2)
        assert had.is_set()


def test_a_watch_goes_on_after_those_were_away_whom_it_asks() -> None:
    away = [RuntimeFailed("no gateway"), SpecInvalid("no such limit"), psycopg.OperationalError("no flags")]
    over = threading.Event()

    def look() -> None:
        if away:
            raise away.pop()
        over.set()

    watch("a test", look, every_s=0.01)
    assert over.wait(2)
