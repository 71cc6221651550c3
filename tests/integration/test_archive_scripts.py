"""What keeps the log of Postgres, and what gives it back: files, and nothing is ever replaced or half there."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.places import User
from compose.runtime import small_disk
from compose.topology import PROJECT

SEGMENT = "000000010000000000000007"


class Archive:
    """A folder with the scripts around it, called as Postgres would."""

    def __init__(self, folder: Path, megabytes: int = 64) -> None:
        self.folder, self.log = folder, folder / "log"
        self._environment = {"PATH": os.environ["PATH"], "ARCHIVE": str(folder), "ARCHIVE_MB": str(megabytes)}

    def call(self, script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(PROJECT / "compose" / "images" / "postgres" / script), *map(str, arguments)]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=20)

    def keep(self, content: bytes, name: str = SEGMENT) -> subprocess.CompletedProcess[str]:
        path = self.folder.parent / "segment"
        path.write_bytes(content)
        return self.call("archive", path, name)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """One that somebody has taken a backup into."""
    (tmp_path / "archive" / "log").mkdir(parents=True)
    return Archive(tmp_path / "archive")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Archive]:
    """One on a disk of 1 MB that is full."""
    if os.geteuid() != 0:
        pytest.skip("a disk that is full is a small one of its own, and to mount one takes root")
    disk = tmp_path / "disk"
    disk.mkdir()
    small_disk.mount(disk, 1, User("root", 0, 0))
    try:
        (disk / "log").mkdir()
        (disk / "full-of-this").write_bytes(os.urandom(900_000))
        yield Archive(disk)
    finally:
        small_disk.unmount(disk)


def test_before_the_first_backup_nothing_is_kept_and_the_server_is_content(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.folder.mkdir()
    assert archive.keep(b"log").returncode == 0
    assert list(archive.folder.iterdir()) == []


def test_what_was_kept_is_given_back_byte_for_byte(archive: Archive, tmp_path: Path) -> None:
    content = os.urandom(100_000) + bytes(100_000)
    assert archive.keep(content).returncode == 0
    assert archive.call("fetch", SEGMENT, tmp_path / "back", tmp_path / "aside").returncode == 0
    assert (tmp_path / "back").read_bytes() == content


def test_what_was_not_archived_any_more_comes_from_the_data_put_aside(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "aside" / "pg_wal").mkdir(parents=True)
    (tmp_path / "aside" / "pg_wal" / SEGMENT).write_bytes(b"the last of it")
    assert archive.call("fetch", SEGMENT, tmp_path / "back", tmp_path / "aside").returncode == 0
    assert (tmp_path / "back").read_bytes() == b"the last of it"


def test_what_is_nowhere_is_not_given(archive: Archive, tmp_path: Path) -> None:
    assert archive.call("fetch", SEGMENT, tmp_path / "back", tmp_path / "aside").returncode == 1
    assert not (tmp_path / "back").exists()


def test_the_same_file_again_is_fine_and_another_one_of_its_name_is_refused(archive: Archive) -> None:
    archive.keep(b"history")
    assert archive.keep(b"history").returncode == 0
    again = archive.keep(b"another history")
    assert again.returncode == 1 and "with other contents" in again.stderr
    assert [path.name for path in archive.log.iterdir()] == [f"{SEGMENT}.gz"]


def test_a_log_that_has_outgrown_its_bound_is_not_kept_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "archive" / "log").mkdir(parents=True)
    archive = Archive(tmp_path / "archive", megabytes=2)
    archive.keep(os.urandom(1_500_000))
    thrown_away = archive.keep(b"more", "000000010000000000000008")
    assert thrown_away.returncode == 0 and "outgrown 2 MB" in thrown_away.stderr
    assert "kept 2 yes" in archive.call("backups").stdout
    assert [path.name for path in archive.log.iterdir()] == [f"{SEGMENT}.gz"]


def test_a_full_disk_fails_so_that_the_server_keeps_the_file_and_nothing_half_is_left(full_disk: Archive) -> None:
    failed = full_disk.keep(os.urandom(500_000))
    assert failed.returncode != 0 and "No space left on device" in failed.stderr
    assert list(full_disk.log.iterdir()) == []
    (full_disk.folder / "full-of-this").unlink()
    assert full_disk.keep(os.urandom(500_000)).returncode == 0
