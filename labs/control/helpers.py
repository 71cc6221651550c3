"""Processes that control starts to trouble the shop. Each ends by itself after its time, and when control has gone:
the pipe that control holds is closed then, however it went.
"""

import contextlib
import os
import subprocess
import sys
import threading

from compose.topology import PROJECT

END_WITHIN_S = 2.0


class Helpers:
    """Helper processes by the name of what they are for."""

    def __init__(self) -> None:
        self._running: dict[str, list[subprocess.Popen[bytes]]] = {}

    def start(self, what: str, module: str, *arguments: str) -> None:
        """Run a module of ours that ends with its standard input."""
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        threading.Thread(target=process.wait, daemon=True, name=what).start()  # no zombie when its time is over
        self._running.setdefault(what, []).append(process)

    def end(self, what: str) -> None:
        """End those that are for this; fine when they have ended."""
        ending = self._running.pop(what, [])
        for process in ending:
            assert process.stdin
            process.stdin.close()
        for process in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_WITHIN_S)
            process.kill()
            process.wait()

    def end_all(self) -> None:
        """End all of them."""
        for what in list(self._running):
            self.end(what)
