"""Loops beside the web server: consumers, sweepers, the relay. They start after the fork and end in good order."""

import threading
import time
from collections.abc import Callable

from services.common.telemetry import log

Loop = Callable[[threading.Event], None]


class Background:
    """What a replica opens before it listens, and its loops, each in a thread of its own.

    An app is built before replicas are forked, and neither threads nor connections survive a fork: so parts say here
    what is to be opened and which loops run, and `web.serve` starts all that in the process that serves, and stops it.
    """

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._openers: list[Callable[[], object]] = []
        self._loops: list[tuple[str, Loop]] = []
        self._threads: list[threading.Thread] = []

    def opens(self, opener: Callable[[], object]) -> None:
        """Call `opener()` first of all."""
        self._openers.append(opener)

    def runs(self, name: str, loop: Loop) -> None:
        """Run `loop(stopping)` until it returns, which it must do soon after `stopping` is set."""
        self._loops.append((name, loop))

    def start(self) -> None:
        """Open everything, then start the loops."""
        for opener in self._openers:
            opener()
        for name, loop in self._loops:
            thread = threading.Thread(target=loop, args=(self._stopping,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, within_s: float = 5.0) -> None:
        """Ask every loop to end, and wait until it has finished the piece of work in hand, `within_s` for all."""
        self._stopping.set()
        deadline = time.monotonic() + within_s
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
