"""What control starts beside the shop to trouble it: busy processes, crowds of shoppers. Each ends by itself after its
time, and when control has gone: the pipe between them is closed then, however it went.
"""

import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from compose.runtime.verbs import RuntimeFailed
from compose.topology import PROJECT

if TYPE_CHECKING:  # the generator's libraries take half a second, and most shops never need them
    from labs.load.process import Progress
    from labs.load.schedule import Schedule

END_WITHIN_S, BEGIN_WITHIN_S = 2.0, 15.0


class Helper(Protocol):
    """Something that runs until it is stopped."""

    def stop(self) -> None: ...


class Helpers:
    """Helpers by the name of what they are for."""

    def __init__(self) -> None:
        self._running: dict[str, list[Helper]] = {}

    def run(self, what: str, module: str, *arguments: str) -> None:
        """Run a module of ours that ends with its standard input."""
        self._keep(what, Module(what, module, *arguments))

    def send(self, what: str, url: str, schedule: "Schedule", mix: str) -> None:
        """Send shoppers; returns when they come, or raises RuntimeFailed. Raises ValueError for an unknown mix."""
        from labs.load.process import start_load

        coming = threading.Event()

        def note(progress: "Progress") -> None:
            if progress.offered:
                coming.set()

        load = start_load(url, schedule, mix, progress=note)
        self._keep(what, load)
        if not coming.wait(BEGIN_WITHIN_S):
            self.end(what)
            raise RuntimeFailed(f"the load generator did not begin within {BEGIN_WITHIN_S:.0f} s")

    def end(self, what: str) -> None:
        """Stop those that are for this; fine when they have ended."""
        for helper in self._running.pop(what, []):
            helper.stop()

    def end_all(self) -> None:
        """Stop all of them."""
        for what in list(self._running):
            self.end(what)

    def _keep(self, what: str, helper: Helper) -> None:
        self._running.setdefault(what, []).append(helper)


class Module:
    """A module of ours as a process; its standard input is open as long as it shall run."""

    def __init__(self, what: str, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        threading.Thread(target=self._process.wait, daemon=True, name=what).start()  # no zombie when its time is over

    def stop(self) -> None:
        """Close its input, wait, kill it if need be."""
        assert self._process.stdin
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_WITHIN_S)
        self._process.kill()
        self._process.wait()
