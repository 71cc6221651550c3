"""A start that cannot succeed says why in one message, shows the log that matters, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from compose import places
from compose.topology import PROJECT
from labs.control import place
from tests.conftest import Cli

pytestmark = pytest.mark.servers


@pytest.fixture
def name() -> Iterator[str]:
    """A shop that will not come up, and its folder away afterwards."""
    chosen = f"fails-{os.getpid()}"
    yield chosen
    shutil.rmtree(places.folder(chosen), ignore_errors=True)


def left_of(name: str) -> list[psutil.Process]:
    """Processes that were told of the shop's folder, on their command line or in their environment."""
    folder = str(places.folder(name))
    found = []
    for process in psutil.process_iter():
        try:
            said = " ".join(process.cmdline()) + " ".join(process.environ().values())
        except psutil.Error:
            continue
        if folder in said:
            found.append(process)
    return found


def test_a_child_that_dies_is_named_with_the_end_of_its_log(name: str, cli: Cli) -> None:
    spoiled = places.folder(name) / "data" / "postgres-1" / "db"
    spoiled.mkdir(parents=True)
    (spoiled / "PG_VERSION").write_text("9.0\n")
    if os.geteuid() == 0:
        user = places.runner()
        for path in (spoiled, *spoiled.iterdir()):
            os.chown(path, user.uid, user.gid)
    spoiled.chmod(0o700)
    done = cli("up", "--name", name, "--runtime", "local")
    assert done.returncode == 1
    assert "postgres-1 ended with" in done.stderr and "the end of its log" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_of(name) == []
    assert place.read(name) is None


def test_a_disk_that_is_too_full_is_said_before_anything_is_started(name: str, cli: Cli, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small disk of our own can only be mounted by root")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", str(small)], check=True)
    try:
        environment = {**os.environ, "SHOPLAB_STATE": str(small), "PYTHONPATH": str(PROJECT)}
        command = [sys.executable, "-P", "-m", "labs.cli", "up", "--name", name, "--runtime", "local"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert done.returncode == 1
    assert "MB free on the disk" in done.stderr and "SHOPLAB_STATE" in done.stderr


def test_a_state_folder_that_cannot_be_written_is_said(name: str) -> None:
    environment = {**os.environ, "SHOPLAB_STATE": "/proc/nowhere", "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-P", "-m", "labs.cli", "up", "--name", name, "--runtime", "local"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_an_interrupted_up_takes_everything_down_again(name: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-P", "-m", "labs.cli", "up", "--name", name, "--runtime", "local"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as up:
        assert up.stderr
        while "memcached" not in up.stderr.readline():
            pass
        up.send_signal(signal.SIGINT)
        said = up.stderr.read()
        assert up.wait(timeout=60) == 130
    assert "interrupted" in said and "Traceback" not in said
    nothing_is_left_of(name)


def nothing_is_left_of(name: str) -> None:
    deadline = time.monotonic() + 10
    while left_of(name) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_of(name) == []


def test_while_a_shop_comes_up_a_second_up_leaves_it_alone_and_down_ends_it(name: str, cli: Cli) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-P", "-m", "labs.cli", "up", "--name", name, "--runtime", "local"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr
        while "memcached" not in first.stderr.readline():
            pass
        os.kill(place.read(name).pid, signal.SIGSTOP)  # type: ignore[union-attr]  # so that it stays at it
        second, status = cli("up", "--name", name, "--runtime", "local"), cli("status", "--name", name)
        os.kill(place.read(name).pid, signal.SIGCONT)  # type: ignore[union-attr]
        ended = cli("down", "--name", name)
        said = first.stderr.read()
        assert first.wait(timeout=60) == 1
    assert second.returncode == 1 and "is starting or ending the shop" in second.stderr
    assert status.returncode == 1 and "just starting or ending" in status.stderr
    assert ended.returncode == 0 and "ended in" in ended.stdout
    assert "interrupted" in said and "Traceback" not in said + ended.stderr + second.stderr
    nothing_is_left_of(name)
