"""The gateway as it runs: its folder, the check of a new configuration, and the reload that drops no request.

The folder (`spec.data`) holds gateway.json (the description, the only truth about what should be), nginx.conf (made
from it), nginx.pid, access.log, tmp/ and pages/. Whoever changes it holds the lock: `apply` and the name watcher take
turns.
"""

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compose.gateway.documents import from_json, to_json
from compose.gateway.model import Gateway
from compose.gateway.program import Refused, check, command, titled, workers_of, workers_user
from compose.gateway.render import render
from compose.gateway.resolve import Resolve, expanded

PAGES = Path(__file__).resolve().parents[2] / "nginx" / "pages"
RELOAD_S, LOCK_S = 5.0, 10.0


@dataclass(frozen=True)
class Applied:
    """What an `apply` did: `changed` is False when nginx already ran with exactly this; `workers` are the new ones."""

    changed: bool
    workers: tuple[int, ...]
    took_ms: int


def apply(spec: Gateway, resolve: Resolve) -> Applied:
    """Make the running nginx follow `spec`; return when new workers have taken over (a few hundredths of a second).

    Requests in flight end on the old workers, new connections meet the new ones: none is dropped. Raises Refused; then
    neither gateway.json nor nginx.conf has changed.
    HAZARD: an old worker closes its idle keep-alive connections at once (before nginx 1.27.4 there is no cure). Who
    sends on one in that very moment sees it closed without an answer: browsers and most HTTP clients then repeat a GET
    by themselves; whoever keeps connections for POSTs must repeat those with the same idempotency key.
    """
    began = time.monotonic()
    with locked(spec.data):
        text = render(expanded(spec, resolve), workers_user())
        workers = _take_over(Path(spec.data), text)
        replace_file(Path(spec.data, "gateway.json"), to_json(spec))
    return Applied(bool(workers), workers, round((time.monotonic() - began) * 1000))


def refresh(data: str, resolve: Resolve) -> bool:
    """Look the names in the current description up again; reload when they lead elsewhere now. Raises Refused."""
    with locked(data):
        text = render(expanded(current(data), resolve), workers_user())
        return bool(_take_over(Path(data), text))


def prepare(spec: Gateway, resolve: Resolve) -> list[str]:
    """Fill the folder before the start and check it; the command line of nginx. Raises Refused."""
    data = Path(spec.data)
    (data / "tmp").mkdir(parents=True, exist_ok=True)
    shutil.copytree(PAGES, data / "pages", dirs_exist_ok=True, copy_function=shutil.copyfile)
    text = render(expanded(spec, resolve), workers_user())
    check(text, spec.data)
    replace_file(data / "nginx.conf", text)
    replace_file(data / "gateway.json", to_json(spec))
    return command(spec.data, data / "nginx.conf")


def current(data: str) -> Gateway:
    """What the gateway in this folder should do now. Raises Refused when there is none."""
    try:
        return from_json(Path(data, "gateway.json").read_text())
    except FileNotFoundError as error:
        raise Refused(f"there is no gateway in {data}: start one with `python3 -m compose.gateway serve`") from error


@contextmanager
def locked(data: str) -> Iterator[None]:
    """One change at a time in this folder; waits at most LOCK_S, then raises Refused."""
    deadline = time.monotonic() + LOCK_S
    try:
        file = Path(data, "lock").open("w")
    except FileNotFoundError as error:
        raise Refused(f"there is no gateway in {data}") from error
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refused(f"another change has held {data}/lock for {LOCK_S:.0f} s") from None
                time.sleep(0.02)
        yield


def replace_file(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never half of it."""
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_text(text)
    fresh.replace(path)


def _take_over(data: Path, text: str) -> tuple[int, ...]:
    """Switch to the configuration; the new workers, or none when nothing differs."""
    master = _master(data)
    before = (data / "nginx.conf").read_text()
    if text == before:
        return ()
    check(text, str(data))
    old = workers_of(master)
    replace_file(data / "nginx.conf", text)
    os.kill(master, signal.SIGHUP)
    new = _wait_for(lambda: _successors(master, old), RELOAD_S)
    if not new:
        replace_file(data / "nginx.conf", before)
        os.kill(master, signal.SIGHUP)  # it may be reading the new one still
        raise Refused(f"nginx did not take the new configuration within {RELOAD_S:.0f} s; its log says why")
    return tuple(new)


def _master(data: Path) -> int:
    try:
        pid = int((data / "nginx.pid").read_text())
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError) as error:
        raise Refused(f"no nginx runs in {data}") from error
    if "nginx" not in titled(pid):
        raise Refused(f"no nginx runs in {data}: its pid {pid} belongs to another program now")
    return pid


def _successors(master: int, old: Mapping[int, str]) -> list[int]:
    """The new workers, once no old one takes connections any more."""
    now = workers_of(master)
    if any("shutting down" not in title for pid, title in now.items() if pid in old):
        return []
    return [pid for pid in now if pid not in old]


def _wait_for(probe: Callable[[], list[int]], seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    while not (found := probe()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return found
