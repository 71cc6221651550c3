"""What the shop needs from this machine, checked without starting or changing anything, in under a second."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from compose.places import is_free
from compose.versions import (
    NEEDS,
    THIS_MACHINE,
    Machine,
    Need,
    TooOld,
    Unusable,
    Version,
    how_to_install,
    newest,
    parse_version,
    require_servers,
    show,
)

__all__ = ["Check", "diagnose", "require_servers"]

GB = 1_000_000_000
DISK_BYTES = 2 * GB
"""RabbitMQ stops taking messages when the disk is nearly full, and publishers hang without an error."""
MEMORY_BYTES = 1 * GB
DEFAULT_PORTS = range(21000, 21100)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding. `advice` says what to do, empty when all is well. Without an `optional` one the shop still runs."""

    name: str
    ok: bool
    found: str
    wanted: str
    advice: str = ""
    optional: bool = False


def diagnose(
    state: Path,
    *,
    ports: Iterable[int] = DEFAULT_PORTS,
    machine: Machine = THIS_MACHINE,
    python: Version = sys.version_info[:3],
) -> list[Check]:
    """All checks for a shop whose state lives in `state`, asked at the same time, in a fixed order."""
    checks: list[Callable[[], Check]] = [
        *(partial(server, need, machine) for need in NEEDS),
        lambda: python_version(python),
        lambda: disk(shutil.disk_usage(nearest(state)).free),
        lambda: memory(psutil.virtual_memory().available),
        lambda: cores(len(os.sched_getaffinity(0))),
        lambda: state_folder(state, for_everybody=os.geteuid() == 0),
        lambda: free_ports(holders(ports)),
        lambda: docker_part("Docker Engine", (25,), ["version", "--format", "{{.Server.Version}}"], machine),
        lambda: docker_part("Docker Compose", (2, 26), ["compose", "version", "--short"], machine),
        lambda: browser(machine),
        lambda: yardstick(machine),
    ]
    with ThreadPoolExecutor(len(checks)) as pool:
        return [done.result() for done in [pool.submit(check) for check in checks]]


def finding(name: str, ok: bool, found: str, wanted: str, advice: str, *, optional: bool = False) -> Check:
    return Check(name=name, ok=ok, found=found, wanted=wanted, advice="" if ok else advice, optional=optional)


def server(need: Need, machine: Machine) -> Check:
    wanted = f">= {show(need.oldest)}"
    try:
        path, version = newest(need, machine)
    except Unusable as reason:
        found = "too old" if isinstance(reason, TooOld) else "not installed"
        return finding(need.name, False, found, wanted, str(reason))
    return finding(need.name, True, f"{show(version)} ({path})", wanted, "")


def python_version(version: Version) -> Check:
    return finding(
        "Python", version >= (3, 11), show(version), ">= 3.11", "install Python 3.11 or newer with its venv module"
    )


def disk(free_bytes: int) -> Check:
    advice = "make room: with a full disk RabbitMQ takes no messages, and who sends them waits without an error"
    return finding(
        "disk", free_bytes >= DISK_BYTES, f"{free_bytes / GB:.1f} GB free", f">= {DISK_BYTES / GB:.0f} GB", advice
    )


def memory(available_bytes: int) -> Check:
    advice = "close something big: short of memory, the shop is slow and measures the swapping"
    ok = available_bytes >= MEMORY_BYTES
    return finding("memory", ok, f"{available_bytes / GB:.1f} GB available", f">= {MEMORY_BYTES / GB:.0f} GB", advice)


def cores(count: int) -> Check:
    advice = "it runs on one, but load and shop fight for it, so that the figures say little"
    return finding("CPU cores", count >= 2, str(count), ">= 2", advice, optional=True)


def nearest(path: Path) -> Path:
    """The path itself, or its nearest parent that exists."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def state_folder(state: Path, *, for_everybody: bool) -> Check:
    """Can be written, and for root's shop also be reached by the users that its processes drop to."""
    place = nearest(state)
    shut = [folder for folder in (place, *place.parents) if not folder.stat().st_mode & 0o001] if for_everybody else []
    if shut:
        advice = f"choose another folder: the shop's processes run as normal users, who cannot enter {shut[-1]}"
        return finding("state folder", False, f"{state} is closed", "open to all", advice)
    ok = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    return finding("state folder", ok, str(state), "can be written", f"make {place} a folder that you can write")


def holders(ports: Iterable[int]) -> dict[int, str]:
    """Taken ports with the program that has them; other users' programs have no name for us."""
    taken = [port for port in ports if not is_free(port)]
    sockets = psutil.net_connections("tcp") if taken else []
    pids = {at.laddr.port: at.pid for at in sockets if at.laddr and at.pid}
    return {port: program(pids.get(port)) for port in taken}


def program(pid: int | None) -> str:
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})" if pid else "somebody"
    except psutil.Error:
        return "somebody"


def free_ports(taken: Mapping[int, str]) -> Check:
    found = ", ".join(f"{port}: {holder}" for port, holder in list(taken.items())[:3]) + (
        " ..." if len(taken) > 3 else ""
    )
    advice = "nothing, if that is a shop of yours; a new one takes the next free block of ports"
    return finding("ports", not taken, found or "all free", "free", advice, optional=True)


def docker_part(name: str, oldest: Version, command: Sequence[str], machine: Machine) -> Check:
    """Docker's client and daemon; only `--runtime containers` needs them."""
    docker = machine.which("docker")
    version = parse_version(machine.ask(docker, *command)) if docker else ()
    found = show(version) or ("no answer" if docker else "not installed")
    advice = "needed for `--runtime containers` only: install or start it, and be allowed to use it"
    return finding(name, version >= oldest, found, f">= {show(oldest)}", advice, optional=True)


def browser(machine: Machine) -> Check:
    found = next(filter(None, map(machine.which, BROWSERS)), None)
    advice = f"needed for `./shoplab test` only; {how_to_install('chromium')}"
    return finding("Chromium", found is not None, str(found or "not installed"), "any", advice, optional=True)


def yardstick(machine: Machine) -> Check:
    found = machine.which("wrk")
    advice = f"needed for `./shoplab bench` and `test` only; {how_to_install('wrk')}"
    return finding("wrk", found is not None, str(found or "not installed"), "any", advice, optional=True)
