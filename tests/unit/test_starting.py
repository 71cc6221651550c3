"""Starting and ending a shop from outside, with daemons and runtimes that are pretended."""

import io
import os
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from compose import places
from compose.runtime import containers
from compose.runtime.verbs import RuntimeFailed
from labs.commands import lifecycle
from labs.control import __main__ as daemon
from labs.control import place, starting
from labs.control.place import NotRunning

NAME = "pretended"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOPLAB_STATE", str(tmp_path))
    monkeypatch.setattr(daemon.signal, "signal", lambda *_: None)
    places.folder(NAME).mkdir()
    return places.folder(NAME)


class FakeRuntime:
    """Does not come up; `ends`: what goes down on each try."""

    def __init__(self, ends: bool) -> None:
        self.ends = ends

    def up(self, progress: object) -> None:
        raise RuntimeFailed("no tea today")

    def down(self, progress: object) -> None:
        if not self.ends:
            raise RuntimeFailed("no engine answers")


class FakeDaemon:
    """`deaf` ones end only when they are killed."""

    def __init__(self, deaf: bool = False) -> None:
        self.deaf, self.done, self.stdout = deaf, list[str](), io.StringIO()

    def send_signal(self, number: int) -> None:
        self.done.append("asked to end")

    def wait(self, timeout: float | None = None) -> int:
        if self.deaf and "killed" not in self.done:
            raise subprocess.TimeoutExpired("daemon", timeout or 0)
        return 0

    def kill(self) -> None:
        self.done.append("killed")


@pytest.mark.parametrize("ends", [True, False])
def test_a_shop_is_forgotten_only_when_all_of_it_has_ended(monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    monkeypatch.setattr(daemon, "make_runtime", lambda *_: FakeRuntime(ends))
    with pytest.raises(RuntimeFailed, match="no tea today" if ends else "no engine answers"):
        daemon.run(NAME, "containers", 21000, True)
    assert (place.read(NAME) is None) is ends


@pytest.mark.parametrize(("deaf", "done"), [(False, ["asked to end"]), (True, ["asked to end", "killed"])])
def test_what_an_interrupted_start_leaves_is_ended_once_its_daemon_has_gone(
    monkeypatch: pytest.MonkeyPatch, deaf: bool, done: list[str]
) -> None:
    process, ended = FakeDaemon(deaf), list[str]()
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: process)
    monkeypatch.setattr(starting, "end_leftovers", ended.append)
    with open(os.devnull) as lock, pytest.raises(KeyboardInterrupt):
        with starting.daemon(NAME, "containers", places.Block(21000, lock), wired=True):
            raise KeyboardInterrupt
    assert (process.done, ended) == (done, [NAME])


def test_a_daemon_looks_where_the_command_looks_though_it_works_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("SHOPLAB_STATE", tmp_path.name)
    told: dict[str, Any] = {}
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **given: told.update(given) or FakeDaemon())
    with open(os.devnull) as lock, starting.daemon(NAME, "local", places.Block(21000, lock), wired=True):
        assert told["env"]["SHOPLAB_STATE"] == str(tmp_path) and told["cwd"] == "/"


def test_a_folder_that_the_shops_user_cannot_enter_is_said_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starting, "may_read", lambda *_: False)
    with pytest.raises(starting.NotStarted, match=r"is closed to .* SHOPLAB_STATE"):
        starting.prepare(NAME, None, "local")
    starting.prepare(NAME, None, "containers").lock.close()  # whose processes do not see it


def test_volumes_that_cannot_be_removed_keep_the_folder_with_their_passwords(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "available", lambda: "no container engine answers")
    place.volumes(NAME).touch()
    with pytest.raises(RuntimeFailed, match="in volumes, which cannot be removed now: no container engine answers"):
        starting.forget(NAME)
    assert folder.exists()
    place.volumes(NAME).unlink()
    starting.forget(NAME)
    assert not folder.exists()


def test_a_component_that_failed_to_start_is_read_in_its_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "logs").mkdir()
    (folder / "logs" / "orders-1.log").write_text("one\ntwo\nthree\n")
    lifecycle.logs("orders-1", 2, NAME, False)
    assert capsys.readouterr().out == "two\nthree\n"
    assert starting.log_left(NAME, "orders-1", 0) == []


@pytest.mark.parametrize("component", ["", "cart-9", "../control", "../../elsewhere/logs/orders-1"])
def test_without_such_a_log_the_shop_is_said_not_to_run(folder: Path, component: str) -> None:
    (folder / "control.log").write_text("secret")
    with pytest.raises(NotRunning):
        lifecycle.logs(component, 2, NAME, False)


def test_a_place_written_by_an_older_version_is_read(folder: Path) -> None:
    here = daemon.my_place(NAME, "local", 21000, True)
    place.write(here)
    text = place.path(NAME).read_text().replace(f', "birth": "{here.birth}"', "")
    place.path(NAME).write_text(text)
    found = cast(place.Place, place.read(NAME))
    assert "birth" not in text and found.alive()
