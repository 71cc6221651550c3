"""Processes that are ours: known by pid *and* birth, never by name, signalled as whole trees."""

import contextlib
import signal as signals
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)


@dataclass(frozen=True)
class Ours:
    """A process we started. A pid alone may have been given to a stranger since. `created`: seconds since 1970, and
    another number once the clock has been set; so `birth` decides, where the system tells it.
    """

    pid: int
    created: float
    birth: str = ""

    def process(self) -> psutil.Process | None:
        """The live process, or None when it has ended."""
        try:
            found = psutil.Process(self.pid)
            return found if self._is(found) and found.status() != psutil.STATUS_ZOMBIE else None
        except GONE:
            return None

    def _is(self, found: psutil.Process) -> bool:
        return birth(self.pid) == self.birth if self.birth else abs(found.create_time() - self.created) < 0.05


def ours(pid: int) -> Ours:
    """Record a process that was just started."""
    return Ours(pid, psutil.Process(pid).create_time(), birth(pid))


def birth(pid: int) -> str:
    """Which boot of the machine a process was started in, and how many ticks after it: no clock is in it. Empty off
    Linux, and for a process that is gone.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return f"{boot} {after_name[19]}"


def tree(root: psutil.Process) -> list[psutil.Process]:
    """The process and all its descendants, parents first: a parent that is killed last replaces its children before."""
    try:
        return [root, *root.children(recursive=True)]
    except GONE:
        return []


def send(process: Ours, signal: int, whole: bool = True) -> None:
    """Signal a process, or its whole tree. One that has ended is passed over."""
    root = process.process()
    if root is None:
        return
    for member in tree(root) if whole else [root]:
        with contextlib.suppress(*GONE):
            member.send_signal(signal)


def kill(process: Ours) -> None:
    """Kill a process and all its descendants; returns when they have ended, or after 2 s."""
    root = process.process()
    members = tree(root) if root else []
    for member in members:
        with contextlib.suppress(*GONE):
            member.kill()
    deadline = time.monotonic() + 2
    while any(_lives(member) for member in members) and time.monotonic() < deadline:
        time.sleep(0.005)


def _lives(process: psutil.Process) -> bool:
    """Not so a zombie: whoever has to bury the orphans may take his time."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except GONE:
        return False


def end(processes: Iterable[tuple[Ours, int]], grace_s: float) -> None:
    """Ask each to end with its own stop signal, let frozen ones go on so that they can, kill what is left after
    `grace_s`.
    """
    asked = [(root, signal) for process, signal in processes if (root := process.process())]
    members = [member for root, _ in asked for member in tree(root)]
    for root, signal in asked:
        with contextlib.suppress(*GONE):
            root.send_signal(signal)
    for member in members:
        with contextlib.suppress(*GONE):
            member.send_signal(signals.SIGCONT)
    _, alive = psutil.wait_procs(members, timeout=grace_s)
    for member in alive:
        with contextlib.suppress(*GONE):
            member.kill()
    psutil.wait_procs(alive, timeout=2)


def memory_mb(process: Ours) -> float:
    """Proportional set size of the tree in MB: memory that forked processes share is counted once, in parts."""
    root = process.process()
    total = 0
    for member in tree(root) if root else []:
        with contextlib.suppress(psutil.Error):
            total += member.memory_full_info().pss
    return total / 1e6


def wait_gone(process: Ours, timeout_s: float) -> bool:
    """Has it ended within `timeout_s`?"""
    deadline = time.monotonic() + timeout_s
    while process.process() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
