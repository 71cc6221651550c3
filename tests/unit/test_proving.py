"""The test command itself: a test that fails once, beside others, is asked again; one that is wrong fails."""

import os
from pathlib import Path

import pytest
import typer

from labs.commands.proving import FEW, Stage, prove

FIRST_TIME = """
def test_number_{n}_fails_the_first_time(request):
    seen = request.path.with_name("seen-{n}")
    again = seen.exists()
    seen.touch()
    assert again
"""
WRONG = "def test_that_is_wrong():\n    assert False\n"
RIGHT = """
def test_that_is_right(request):
    with request.path.with_name("trace").open("a") as trace:
        trace.write("x")
"""


def stage(folder: Path, *files: str) -> Stage:
    """A pytest for each file, beside each other."""
    for number, text in enumerate(files):
        (folder / f"test_{number}.py").write_text(text)
    options = ["-c", os.devnull, "--rootdir", str(folder)]
    return [
        ["pytest", "-o", f"cache_dir={folder / str(number)}", *options, f"test_{number}.py"]
        for number in range(len(files))
    ]


def test_what_failed_beside_others_is_asked_again_alone_and_named(tmp_path: Path, capfd) -> None:
    prove([stage(tmp_path, FIRST_TIME.format(n=0) + RIGHT, RIGHT)], tmp_path, os.environ)
    assert "test_0.py::test_number_0_fails_the_first_time" in capfd.readouterr().err
    assert (tmp_path / "trace").read_text() == "xx", "what held is not asked again"


@pytest.mark.parametrize(
    "files", [(WRONG, RIGHT), (RIGHT, WRONG), (FIRST_TIME.format(n=0), WRONG), ("import nothing_there", RIGHT)]
)
def test_what_is_wrong_ends_everything(tmp_path: Path, files: tuple[str, str]) -> None:
    with pytest.raises(typer.Exit):
        prove([stage(tmp_path, *files)], tmp_path, os.environ)


def test_many_failures_are_the_shops_and_get_no_second_chance(tmp_path: Path) -> None:
    many = "".join(FIRST_TIME.format(n=n) for n in range(FEW + 1))
    with pytest.raises(typer.Exit):
        prove([stage(tmp_path, many, RIGHT)], tmp_path, os.environ)
