"""The nursery with real processes: what it starts ends with it, whichever way it or control goes."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from compose import places
from compose.runtime.processes import Ours, wait_gone
from compose.runtime.supervisor import Supervisor
from compose.topology import PROJECT

pytestmark = pytest.mark.servers


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder the shop's user can reach, also when root runs the tests."""
    import shutil
    import tempfile

    made = Path(tempfile.mkdtemp(prefix="shoplab-nursery-", dir="/var/tmp"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def supervisor(folder: Path) -> Iterator[Supervisor]:
    opened = Supervisor(folder, places.runner())
    opened.open(PROJECT)
    yield opened
    opened.close()


def spawn(supervisor: Supervisor, folder: Path, name: str, *argv: str) -> Ours:
    request = {"argv": list(argv), "env": dict(os.environ), "cwd": "/", "log": str(folder / "log"), "stop": "SIGTERM"}
    supervisor.spawn(name, request)
    child = supervisor.running[name]
    while (found := child.process()) and found.name() != argv[0]:  # forked, not yet the program
        time.sleep(0.01)
    return child


def test_a_child_runs_without_privileges_in_a_session_of_its_own(supervisor: Supervisor, folder: Path) -> None:
    child = spawn(supervisor, folder, "sleeper", "sleep", "60").process()
    assert child and child.uids().effective == places.runner().uid
    assert os.getsid(child.pid) == child.pid


def test_a_child_that_ends_is_reaped_and_its_status_known(supervisor: Supervisor, folder: Path) -> None:
    supervisor.spawn(
        "brief", {"argv": ["sh", "-c", "exit 7"], "env": {}, "cwd": "/", "log": str(folder / "log"), "stop": "SIGTERM"}
    )
    import threading

    assert supervisor.wait_finished("brief", 5, threading.Event()) == 7
    assert "brief" not in supervisor.running


def test_a_program_that_is_not_there_leaves_its_reason_in_the_log(supervisor: Supervisor, folder: Path) -> None:
    import threading

    supervisor.spawn(
        "none", {"argv": ["no-such-program"], "env": {}, "cwd": "/", "log": str(folder / "log"), "stop": "SIGTERM"}
    )
    assert supervisor.wait_finished("none", 5, threading.Event()) == 1
    assert "no-such-program" in (folder / "log").read_text()


def test_a_service_that_cannot_be_prepared_fails_by_itself_and_says_why(folder: Path) -> None:
    import threading

    environment = {"REPLICA": "storefront-1", "LISTEN": "127.0.0.1:0"}
    supervisor = Supervisor(folder, places.runner())
    supervisor.open(PROJECT, {"services.storefront": environment})
    replica = {"module": "services.storefront", "argv": [], "env": environment, "cwd": "/", "stop": "SIGTERM"}
    supervisor.spawn("storefront-1", {**replica, "log": str(folder / "storefront-1.log")})
    assert supervisor.wait_finished("storefront-1", 30, threading.Event()) == 1
    assert "is not set" in (folder / "storefront-1.log").read_text()
    assert spawn(supervisor, folder, "sleeper", "sleep", "60").process()  # the nursery is none the worse
    supervisor.close()


def test_the_nursery_holds_nothing_open_that_control_has(folder: Path) -> None:
    """A lock, for one, would be held on after control's death."""
    supervisor = Supervisor(folder, places.runner())
    with (folder / "lock").open("w"):
        supervisor.open(PROJECT)
        child = spawn(supervisor, folder, "sleeper", "sleep", "60").process()
    assert child
    nursery = child.parent()
    assert nursery
    assert {Path(file.path).name for file in nursery.open_files()} == {"nursery.log"}
    supervisor.close()


def test_modules_come_from_the_source_that_the_shops_user_can_read(folder: Path) -> None:
    import shutil
    import threading

    source = folder / "source"
    shutil.copytree(PROJECT / "compose", source / "compose")
    (source / "compose" / "where.py").write_text("import compose.topology; print(compose.topology.PROJECT)")
    supervisor = Supervisor(folder, places.runner())
    supervisor.open(source)
    where = {"module": "compose.where", "argv": [], "env": {}, "cwd": "/", "log": str(folder / "log")}
    supervisor.spawn("where", {**where, "stop": "SIGTERM"})
    assert supervisor.wait_finished("where", 10, threading.Event()) == 0
    assert (folder / "log").read_text().strip() == str(source)
    supervisor.close()


def test_a_frozen_child_ends_too_when_control_goes_away(folder: Path) -> None:
    supervisor = Supervisor(folder, places.runner())
    supervisor.open(PROJECT)
    child = spawn(supervisor, folder, "frozen", "sleep", "60")
    os.kill(child.pid, signal.SIGSTOP)
    supervisor.close()  # ends the pipe, as the death of control does
    assert wait_gone(child, 3)


def test_children_end_when_the_nursery_itself_is_killed(folder: Path) -> None:
    supervisor = Supervisor(folder, places.runner())
    supervisor.open(PROJECT)
    child = spawn(supervisor, folder, "orphan", "sleep", "60")
    parent = psutil.Process(child.pid).parent()
    assert parent
    parent.kill()
    assert wait_gone(child, 3)
    supervisor.wait_gone(["orphan"], 5)
    assert supervisor.running == {}
    supervisor.close()


def test_what_a_killed_supervisor_left_is_ended_by_the_next(folder: Path) -> None:
    import json
    import subprocess

    stray = subprocess.Popen(["sleep", "60"])
    created = psutil.Process(stray.pid).create_time()
    (folder / "processes.json").write_text(json.dumps({"stray": {"pid": stray.pid, "created": created}}))
    Supervisor(folder, places.runner()).end_leftovers()
    assert wait_gone(Ours(stray.pid, created), 3)
    stray.wait()  # the status is gone: whoever ended it has waited for it already
    assert not (folder / "processes.json").exists()


def test_a_pid_that_was_given_to_a_stranger_is_left_alone(folder: Path) -> None:
    import json
    import subprocess

    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (folder / "processes.json").write_text(json.dumps({"old": {"pid": stranger.pid, "created": time.time() - 9999}}))
    Supervisor(folder, places.runner()).end_leftovers()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
