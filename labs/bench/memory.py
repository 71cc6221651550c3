"""Memory of the whole shop: proportional set size, so that what forked processes share is counted once."""

import time
from collections.abc import Mapping
from typing import Any

import psutil

from compose.runtime.processes import GONE, memory_mb, tree
from labs.bench import warm_up
from labs.bench.measurement import Budget, Measurement, Round, Sample, Say
from labs.control import place
from labs.control.client import ShopClient

BUDGET = Budget(limit=450, moonshot=350)
REST_S = 45  # four and more of the periods after each of which a service's pool gives back one connection


def measure(shop: ShopClient, say: Say) -> list[Measurement]:
    """After shoppers have been everywhere once: what is only loaded on the first request is there then. The budget is
    for the shop at rest; under load each connection that a pool adds is a process at Postgres.
    """
    warm_up.everywhere(shop, say)
    busy = whole(shop)
    say(f"{busy.value:.0f} MB, and {REST_S} s to come to rest")
    time.sleep(REST_S)
    rest = whole(shop)
    say(f"{rest.value:.0f} MB: " + ", ".join(f"{name} {mb}" for name, mb in list(rest.more["split"].items())[:6]))
    return [
        Measurement(
            name="memory", what="memory of the whole shop at rest", unit="MB", budget=BUDGET, rounds=[Round(rest)]
        ),
        Measurement(name="memory_busy", what="right after a warm-up", unit="MB", rounds=[Round(busy)]),
    ]


def whole(shop: ShopClient) -> Sample:
    """The control daemon's whole tree in MB of 10⁶ bytes. `split`: by component, largest first."""
    daemon = place.find(shop.name).daemon
    root = daemon.process()
    members = tree(root) if root else []
    components = {part["name"]: part["pid"] for part in shop.status() if part["pid"]}
    parts = split(members, {"control": daemon.pid, **components})
    naive = sum(_rss_mb(member) for member in members)
    return Sample(memory_mb(daemon), {"split": parts, "processes": len(members), "rss_mb": round(naive)})


def split(members: list[psutil.Process], owners: Mapping[str, int]) -> dict[str, float]:
    """MB by component: each process belongs to the nearest of its parents that has a name. The nursery is control's
    only nameless child.
    """
    by_pid = {pid: name for name, pid in owners.items()}
    shares: dict[str, float] = {}
    for member in members:
        try:
            name = owner(member.pid, [parent.pid for parent in member.parents()], by_pid)
            shares[name] = shares.get(name, 0.0) + member.memory_full_info().pss / 1e6
        except GONE:
            continue
    return dict(sorted(((name, round(mb, 1)) for name, mb in shares.items()), key=lambda item: -item[1]))


def owner(pid: int, parents: list[int], by_pid: Mapping[int, str]) -> str:
    """Whose process this is."""
    if pid in by_pid:
        return by_pid[pid]
    nearest = next((by_pid[parent] for parent in parents if parent in by_pid), "other")
    return "nursery" if nearest == "control" else nearest


def _rss_mb(member: psutil.Process) -> Any:
    try:
        return member.memory_info().rss / 1e6
    except GONE:
        return 0.0
