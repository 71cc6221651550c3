"""A process that is ours stays so when the clock is set, and a stranger with its number never becomes ours."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from compose.runtime.processes import Ours, birth, ours
from labs.control.place import Place
from labs.engine import undo

SHOP = {"name": "shop", "runtime": "local", "base": 21000, "control_url": "", "token": ""}


def set_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour forward: psutil adds the time of the boot to what the kernel says, and that time moves."""
    before = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: before(process) + 3600)


@pytest.fixture
def oddly_named(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = tmp_path / "od) S 1 (d"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        yield process
        process.kill()


def test_setting_the_clock_makes_nobody_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    me = ours(os.getpid())
    set_the_clock(monkeypatch)
    assert me.process() is not None
    assert Place(**SHOP, **asdict(me)).alive()
    assert undo._alive({"pid": me.pid, "began": me.created, "birth": me.birth})


def test_a_stranger_with_the_same_number_is_told_by_its_birth_whatever_the_clock_says() -> None:
    me = ours(os.getpid())
    boot, ticks = me.birth.split()
    assert replace(me, birth=f"{boot} {int(ticks) + 1}").process() is None
    assert replace(me, birth=f"another-boot {ticks}").process() is None


def test_what_was_written_down_without_a_birth_is_told_by_its_time() -> None:
    me = ours(os.getpid())
    assert Ours(me.pid, me.created).process() is not None
    assert Ours(me.pid, me.created - 10).process() is None


def test_the_birth_is_read_past_a_name_that_looks_like_the_fields_after_it(
    oddly_named: subprocess.Popen[bytes],
) -> None:
    ticks = int(birth(oddly_named.pid).split()[1])
    since_boot_s = ticks / os.sysconf("SC_CLK_TCK")
    assert since_boot_s + psutil.boot_time() == pytest.approx(psutil.Process(oddly_named.pid).create_time(), abs=0.02)


def test_who_has_ended_has_no_birth_and_is_gone() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        brief = ours(process.pid)
    assert birth(process.pid) == "" and brief.process() is None
