"""Loops beside the web server."""

import threading

from services.common.worker import Background, every


def test_a_loop_that_fails_goes_on() -> None:
    tries: list[int] = []
    enough = threading.Event()

    def work() -> None:
        tries.append(1)
        if len(tries) == 3:
            enough.set()
        raise ValueError("again")

    background = Background()
    background.runs("test", every(0.0, work, "test"))
    background.start()
    assert enough.wait(30)
    background.stop()


def test_stopping_waits_for_the_work_in_hand() -> None:
    begun, done = threading.Event(), []

    def loop(stopping: threading.Event) -> None:
        begun.set()
        stopping.wait()
        done.append("finished")

    background = Background()
    background.runs("test", loop)
    background.start()
    begun.wait(30)
    background.stop()
    assert done == ["finished"]


def test_everything_is_opened_before_the_first_loop_runs_and_nothing_before_the_start() -> None:
    happened: list[str] = []
    background = Background()
    background.runs("test", lambda _: happened.append("ran"))
    background.opens(lambda: happened.append("opened"))
    assert happened == []
    background.start()
    background.stop()
    assert happened == ["opened", "ran"]


def test_stopping_what_never_started_is_harmless() -> None:
    Background().stop()
