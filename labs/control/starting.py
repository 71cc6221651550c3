"""Starting and ending a shop from outside: finds a place for it, launches its daemon, cleans up after one that was
killed.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compose import places, topology
from compose.runtime import small_disk
from compose.runtime.processes import send, wait_gone
from compose.runtime.source import may_read
from compose.runtime.supervisor import Supervisor
from compose.runtime.verbs import RuntimeFailed
from labs.control import place

ENOUGH_DISK = 500e6
END_WITHIN_S = 60.0


class NotStarted(Exception):
    """The shop did not come up; nothing of it is left. The message says why and what to do."""


def prepare(name: str, port: int | None, runtime: str) -> places.Block:
    """A folder and a block of ports for the shop. Raises NotStarted, NoPlace."""
    folder = places.folder(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        probe = folder / ".probe"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        raise NotStarted(
            f"{folder} cannot be written: {error.strerror}; set SHOPLAB_STATE to another folder"
        ) from error
    if (free := shutil.disk_usage(folder).free) < ENOUGH_DISK:
        raise NotStarted(
            f"only {free / 1e6:.0f} MB free on the disk of {folder}, the shop wants {ENOUGH_DISK / 1e6:.0f}: "
            "free some, or set SHOPLAB_STATE to a folder on another disk"
        )
    if runtime == "local" and not may_read(user := places.runner(), folder):
        raise NotStarted(
            f"{folder} is closed to {user.name}, as whom the shop's processes run; set SHOPLAB_STATE to another folder"
        )
    end_leftovers(name)
    return places.claim_ports(port)


@contextmanager
def daemon(name: str, runtime: str, ports: places.Block, wired: bool) -> Iterator[subprocess.Popen[str]]:
    """The control daemon, its progress readable line by line; it inherits the claim on the ports. Interrupted, it takes
    the shop down again, and what it leaves is ended here.
    """
    log = (places.folder(name) / "control.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "labs.control", name, runtime, str(ports.base), *([] if wired else ["--no-wire"])],
        pass_fds=[ports.lock.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        cwd="/",
        # MALLOC_ARENA_MAX: two dozen threads bring a shop up, and memory is set apart for each of them, 2.5 MB in all.
        env={
            **os.environ,
            "SHOPLAB_STATE": str(places.state_home()),
            "PYTHONPATH": str(topology.PROJECT),
            "MALLOC_ARENA_MAX": "1",
        },
        start_new_session=True,
    )
    log.close()
    try:
        yield process
    except BaseException:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_leftovers(name)
        raise


def up(
    name: str, runtime: str, port: int | None, progress: Callable[[str, str], None], wired: bool = True
) -> dict[str, Any]:
    """Start a shop and wait until one order went all the way: {"url", "control_url", "order_id", "order_status"}. When
    its parcel is late, that is said and the shop is up all the same. Raises NotStarted, NoPlace.
    """
    ports = prepare(name, port, runtime)
    with daemon(name, runtime, ports, wired) as process:
        assert process.stdout
        for line in process.stdout:
            event = json.loads(line)
            if "up" in event:
                result: dict[str, Any] = event["up"]
                return result
            if "failed" in event:
                process.wait(timeout=60)
                raise NotStarted(event["failed"])
            progress(event["component"], event["what"])
        process.wait(timeout=60)
        log = _tail(places.folder(name) / "control.log")
        raise NotStarted(f"the control daemon ended without a word; the end of its log:\n{log}")


def down(name: str) -> None:
    """End a shop that runs or is just starting, or what is left of a killed one. Raises RuntimeFailed."""
    found = place.read(name)
    if found is not None and found.alive():
        send(found.daemon, signal.SIGTERM, whole=False)
        if not wait_gone(found.daemon, END_WITHIN_S):
            send(found.daemon, signal.SIGKILL)
    end_leftovers(name)


def forget(name: str) -> None:
    """Remove all that a shop that is down has left here: its folder and its volumes. Raises RuntimeFailed when it has
    some and no engine answers: their passwords are in the folder.
    """
    from compose.runtime.containers import available
    from labs.control.__main__ import make_runtime

    folder = places.folder(name)
    if not folder.exists():
        return
    reason = available()
    if reason is None:
        make_runtime("containers", name, folder, places.FIRST_BLOCK).forget()
    elif place.volumes(name).exists():
        raise RuntimeFailed(f"the data of {name} is in volumes, which cannot be removed now: {reason}")
    shutil.rmtree(folder, ignore_errors=True)


def log_left(name: str, component: str, tail: int) -> list[str] | None:
    """The last lines that a component of a shop that does not run has logged; None when it has no log here."""
    logs = {log.stem: log for log in (places.folder(name) / "logs").glob("*.log")}
    if component not in logs:
        return None
    return list(deque(logs[component].read_text(errors="replace").splitlines(), tail))


def end_leftovers(name: str) -> None:
    """End what a killed daemon left running: recorded processes, labelled containers. Data stays. Raises RuntimeFailed
    when a daemon is at work: nothing of a living shop is touched.
    """
    folder = places.folder(name)
    if not folder.exists():
        return
    with place.held(name):
        found = place.read(name)
        if found is not None and found.runtime == "containers":
            from labs.control.__main__ import make_runtime

            make_runtime("containers", name, folder, found.base).down(lambda *_: None)
        Supervisor(folder, places.runner()).end_leftovers()
        small_disk.unmount_all(folder / "data")
        place.path(name).unlink(missing_ok=True)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
