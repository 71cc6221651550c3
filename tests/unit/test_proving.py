"""The test command itself: a test that fails once, beside others, is asked again; one that is wrong fails."""

import os
from pathlib import Path

import pytest
import typer

from labs.commands.proving import FEW, Stage, prove

PLAIN = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
FIRST_TIME = """
def test_number_{n}_fails_the_first_time(request):
    seen = request.path.with_name("seen-{n}")
    again = seen.exists()
    seen.touch()
    assert again
"""
WRONG = "def test_that_is_wrong():\n    assert False\n"
SKIPS = """
import pytest

def test_that_is_skipped_the_second_time(request):
    seen = request.path.with_name("seen")
    if seen.exists():
        pytest.skip("what it needs is gone")
    seen.touch()
    assert False
"""
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
    return [["pytest", *options, f"test_{number}.py"] for number in range(len(files))]


def test_what_failed_beside_others_is_asked_again_alone_and_named(tmp_path: Path, capfd) -> None:
    name = "test_0.py::test_number_0_fails_the_first_time"
    assert prove([stage(tmp_path, FIRST_TIME.format(n=0) + RIGHT, RIGHT)], tmp_path, PLAIN) == [name]
    assert name in capfd.readouterr().err
    assert (tmp_path / "trace").read_text() == "xx", "what held is not asked again"


@pytest.mark.parametrize(
    "files",
    [(WRONG, RIGHT), (RIGHT, WRONG), (FIRST_TIME.format(n=0), WRONG), ("import nothing_there", RIGHT), (SKIPS, RIGHT)],
)
def test_what_is_wrong_ends_everything(tmp_path: Path, files: tuple[str, str]) -> None:
    with pytest.raises(typer.Exit):
        prove([stage(tmp_path, *files)], tmp_path, PLAIN)


def test_many_failures_of_a_whole_run_are_the_shops_and_get_no_second_chance(tmp_path: Path) -> None:
    some = "".join(FIRST_TIME.format(n=n) for n in range(FEW))
    others = FIRST_TIME.format(n=FEW)
    with pytest.raises(typer.Exit):
        prove([stage(tmp_path, some, others)], tmp_path, PLAIN)
