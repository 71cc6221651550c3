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
    background.start("test", every(0.0, work, "test"))
    assert enough.wait(30)
    background.stop()


def test_stopping_waits_for_the_work_in_hand() -> None:
    begun, done = threading.Event(), []

    def loop(stopping: threading.Event) -> None:
        begun.set()
        stopping.wait()
        done.append("finished")

    background = Background()
    background.start("test", loop)
    begun.wait(30)
    background.stop()
    assert done == ["finished"]


def test_stopping_what_never_started_is_harmless() -> None:
    Background().stop()
