"""Where things are measured: private shops and yardsticks in fresh folders, all of which are gone afterwards."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose import places, topology
from compose.runtime.local import LocalRuntime
from compose.runtime.verbs import RuntimeFailed
from compose.topology import Topology
from labs.control import starting

UP_WITHIN_S = 180.0
COMMAND_LINE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from labs.cli import main; main()"
)


def own_name(suffix: str = "") -> str:
    """A name no other shop has: this process's own."""
    return f"bench-{os.getpid()}{suffix}"


@contextmanager
def nothing(name: str) -> Iterator[str]:
    """A name under which there is nothing yet. Whatever runs under it, and its folder, are gone afterwards."""
    shutil.rmtree(places.folder(name), ignore_errors=True)
    try:
        yield name
    finally:
        starting.down(name)
        shutil.rmtree(places.folder(name), ignore_errors=True)


def up(name: str, *options: str) -> str:
    """`./shoplab up` of local processes, in a process of its own as a learner's is; what it said. Raises RuntimeFailed
    with that. Interrupted, it has the command undo what it began.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", COMMAND_LINE, "up", "--runtime", "local", "--name", name, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(topology.PROJECT)},
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=UP_WITHIN_S)
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        raise
    if process.returncode:
        raise RuntimeFailed(f"the shop did not come up:\n{said}")
    return said


@contextmanager
def free_ports() -> Iterator[int]:
    """The first of a block of free ports that nobody else takes meanwhile."""
    block = places.claim_ports()
    with block.lock:
        yield block.base


def fresh_folder(name: str) -> Path:
    """An empty folder of a yardstick; processes of the shop's user may pass through it."""
    folder = places.folder(name)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    return folder


@contextmanager
def running(name: str, parts: Topology) -> Iterator[LocalRuntime]:
    """These parts as local processes, run as the shop's own are."""
    with nothing(name), free_ports() as base:
        runtime = LocalRuntime(fresh_folder(name), parts, base, places.runner())
        runtime.up(lambda *_: None)
        try:
            yield runtime
        finally:
            runtime.down(lambda *_: None)
