"""Looking after something again and again, and waiting without keeping others from it."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg

from compose.gateway import SpecInvalid
from compose.runtime.verbs import RuntimeFailed

AWAY = (RuntimeFailed, SpecInvalid, psycopg.Error)
"""What is raised while the gateway, or Postgres with the flags, is away or takes nothing."""


def watch(what: str, look: Callable[[], object], every_s: float) -> None:
    """Look every so many seconds as long as this process lives; who is away is looked at later."""

    def run() -> None:
        while True:
            began = time.monotonic()
            with suppress(*AWAY):
                look()
            time.sleep(max(0.0, began + every_s - time.monotonic()))

    threading.Thread(target=run, name=what, daemon=True).start()


def rest(lock: threading.RLock, seconds: float) -> None:
    """Wait, and let go of the lock meanwhile, however often this thread holds it."""
    with lock:
        threading.Condition(lock).wait(seconds)
