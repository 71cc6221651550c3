"""The progress line, on a terminal and elsewhere; messages that nobody reads any more."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from labs.commands import output


def written(monkeypatch: pytest.MonkeyPatch, *lines: str, terminal: bool) -> str:
    file = io.StringIO()
    monkeypatch.setattr(output, "err", Console(file=file, force_terminal=terminal, width=20, no_color=True))
    with output.progress_line() as say:
        for line in lines:
            say(line)
    return file.getvalue()


def test_on_a_terminal_each_line_takes_the_place_of_the_one_before_and_nothing_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = written(monkeypatch, "1 of 2 s", "2 of 2 s", terminal=True)
    assert "\n" not in shown and shown.count("\r\x1b[2K") == 3 and shown.endswith("\r\x1b[2K")


def test_a_line_longer_than_the_terminal_is_cut_because_a_wrapped_one_cannot_be_rewritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = written(monkeypatch, "a line that is much longer than this terminal", terminal=True)
    assert "\n" not in shown and "terminal" not in shown and "…" in shown


def test_in_a_file_the_lines_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(monkeypatch, "1 of 2 s", "2 of 2 s", terminal=False) == "  1 of 2 s\n  2 of 2 s\n"


SPEAKS = """
import sys
from labs.commands.output import err
for _ in range(3):
    err.print("a message")
    sys.stdin.readline()
print("the result")
"""


def test_whoever_closes_standard_error_still_gets_the_result() -> None:
    command = [sys.executable, "-c", SPEAKS]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as speaker:  # type: ignore[call-overload]
        assert speaker.stdin and speaker.stderr
        speaker.stderr.readline()
        speaker.stderr.close()
        said, _ = speaker.communicate("\n\n\n", timeout=30)
    assert (said, speaker.returncode) == ("the result\n", 0)
