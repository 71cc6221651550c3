"""Processor time of processes: beside seconds and rates, because neighbours on this machine change it less."""

from collections.abc import Collection, Iterable
from contextlib import suppress

import psutil

from labs.control.client import ShopClient


def serving(shop: ShopClient, services: Collection[str]) -> list[int]:
    """The processes of these services that run now."""
    return [part["pid"] for part in shop.status() if part["service"] in services]


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
