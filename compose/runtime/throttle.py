"""A bound on a component's processor time where no cgroup can set one: its processes are stopped and let go on again.

As with the kernel's own quota, who uses less than the bound never notices it, and who uses more stands still for a
moment, a few times a second.
"""

import contextlib
import signal as signals
import threading
import time
from collections.abc import Callable, Mapping

import psutil

from compose.runtime.processes import GONE, Ours, tree

PERIOD_S, LOOK_S, CENSUS_S = 0.1, 0.02, 1.0

Used = Mapping[psutil.Process, float]


class Budget:
    """Processor time that may be used: it grows by `cpus` a second and never holds more than one period's worth."""

    def __init__(self, cpus: float) -> None:
        self._cpus = cpus
        self._left_s = cpus * PERIOD_S

    def spend(self, used_s: float, elapsed_s: float) -> float:
        """Account for what was used; for how many seconds to stand still now (0: go on)."""
        self._left_s = min(self._left_s + self._cpus * elapsed_s, self._cpus * PERIOD_S) - used_s
        return max(0.0, -self._left_s / self._cpus)


class Throttle:
    """Holds a component to `cpus` processors until it is lifted. `whom` gives its process as it is now, or None when
    there is none or it is frozen on purpose; nobody freezes it while `lock` is held.
    """

    def __init__(self, cpus: float, whom: Callable[[], Ours | None], lock: threading.RLock) -> None:
        self._budget, self._whom, self._lock = Budget(cpus), whom, lock
        self._lifted = threading.Event()
        self._thread = threading.Thread(target=self._hold, daemon=True, name="throttle")
        self._thread.start()

    def lift(self) -> None:
        """Let it have what it wants; returns when it goes on."""
        self._lifted.set()
        self._thread.join()

    def _hold(self) -> None:
        used, looked, counted = self._use({}), time.monotonic(), time.monotonic()
        while not self._lifted.wait(LOOK_S):
            now = time.monotonic()
            if now - counted > CENSUS_S:
                used, counted = self._use(used), now
            before, used = used, {member: _cpu_s(member) for member in used}
            spent = sum(max(0.0, used[member] - before[member]) for member in used)
            if pause_s := self._budget.spend(spent, now - looked):
                self._stand_still(used, pause_s)
            looked = now

    def _use(self, known: Used) -> dict[psutil.Process, float]:
        """Everybody who belongs to the component now, with the processor time each has used."""
        process = self._whom()
        root = process.process() if process else None
        return {member: known.get(member, _cpu_s(member)) for member in (tree(root) if root else [])}

    def _stand_still(self, members: Used, seconds: float) -> None:
        self._send(members, signals.SIGSTOP)
        try:
            self._lifted.wait(seconds)
        finally:
            self._send(members, signals.SIGCONT)

    def _send(self, members: Used, signal: int) -> None:
        with self._lock:
            if self._whom() is not None:
                for member in members:
                    with contextlib.suppress(*GONE):
                        member.send_signal(signal)


def _cpu_s(member: psutil.Process) -> float:
    try:
        times = member.cpu_times()
    except GONE:
        return 0.0
    return float(times.user + times.system)
