"""Loops beside the web server: consumers, sweepers, the relay. They start after the fork and end in good order."""

import threading
import time
from collections.abc import Callable

from services.common.telemetry import log

Loop = Callable[[threading.Event], None]


class Background:
    """The loops of one replica, each in a thread of its own.

    `start` belongs into the callable that `web.serve` runs after the fork, `stop` is what `serve` calls at the end:
    every loop then has `finish_s` to finish the piece of work in hand. gunicorn kills the process `graceful_s` after
    TERM, so `finish_s` must be shorter.
    """

    def __init__(self, finish_s: float = 4.0) -> None:
        self._finish_s = finish_s
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, loop: Loop) -> None:
        """Run `loop(stopping)` until it returns, which it must do soon after `stopping` is set."""
        thread = threading.Thread(target=loop, args=(self._stopping,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Ask every loop to end and wait for it."""
        self._stopping.set()
        deadline = time.monotonic() + self._finish_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def every(seconds: float, work: Callable[[], object], name: str) -> Loop:
    """A loop that works, rests `seconds`, works again. Whatever goes wrong is logged and tried again later: a loop
    that died silently would be noticed only by its absence.
    """

    def loop(stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                work()
            except Exception as error:
                log().warning("loop_failed", loop=name, error=f"{type(error).__name__}: {error}")
            stopping.wait(seconds)

    return loop
