"""Processor time of processes: beside seconds and rates, because neighbours on this machine change it less."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def seconds(pids: Iterable[int]) -> float:
    """What these processes, their living children, and all that they have waited for, have had."""
    total = 0.0
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            total += sum(_of(member) for member in (root, *root.children(recursive=True)))
    return total


def _of(member: psutil.Process) -> float:
    try:
        times = member.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
