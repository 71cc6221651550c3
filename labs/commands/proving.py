"""test."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from xml.etree import ElementTree

import typer

from labs.commands.output import GOOD, AnyName, complain, err, out
from labs.commands.programs import together

Command = list[str]
Stage = list[Command]
FAILED = 1
"""Pytest's exit code when tests failed."""
FEW = 3
"""So many failures of a whole run may be the machine's; more are the shop's."""


_PYTEST = ["pytest", "--durations=15"]
_PARTS = ["tests/unit", "tests/integration", "tests/browser", "tests/labs"]
ALL_TESTS: list[Stage] = [
    [[*_PYTEST, "-m", "not quiet", *_PARTS], [*_PYTEST, "-m", "not quiet", "tests/shop"]],
    [[*_PYTEST, "-m", "quiet", "tests"]],
]
"""Two halves beside each other, as most tests wait for something most of the time. Then what is measured, alone."""


def test(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PYTEST ARGUMENTS]…", help="After --, for pytest.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Only what needs no servers; a minute at most.")] = False,
    name: AnyName = "shop",
) -> None:
    """Prove everything: style, types, import contracts, then the tests; what CI runs."""
    from compose.topology import PROJECT

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shoplab"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "RUFF_CACHE_DIR": str(cache / "ruff")}
    for stage in [
        [["ruff", "check", "."]],
        [["ruff", "format", "--check", "."]],
        [["mypy", "--cache-dir", str(cache / "mypy")]],
        [["lint-imports", "--cache-dir", str(cache / "imports")]],
    ]:
        _pass(stage, PROJECT, environment)
    pytest = ["pytest", "-o", f"cache_dir={cache / 'pytest'}"]
    again: list[str] = []
    if arguments or fast:
        _pass([[*pytest, *(arguments or ["tests/unit"])]], PROJECT, environment)
    else:
        again = prove(ALL_TESTS, PROJECT, environment)
    out.print(f"[{GOOD}]✓[/] everything is proved{', at the second try ' + ', '.join(again) if again else ''}")


def prove(stages: Sequence[Stage], folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Run stages of tests. A few that failed are asked once more, alone: what a busy machine broke holds then, what is
    broken does not. Gives the names of those; raises typer.Exit.
    """
    again: list[str] = []
    for stage in stages:
        again += _prove(stage, folder, environment, FEW - len(again))
    return again


def _prove(stage: Stage, folder: Path, environment: Mapping[str, str], few: int) -> list[str]:
    with TemporaryDirectory(prefix="shoplab-test-") as place:
        memories = [Path(place, str(number)) for number in range(len(stage))]
        remembering = [[*command, "-o", f"cache_dir={memory}"] for command, memory in zip(stage, memories, strict=True)]
        codes = _run(remembering, folder, environment)
        failed = [_failed(memory) if code == FAILED else [] for memory, code in zip(memories, codes, strict=True)]
        names = [name for each in failed for name in each]
        for command, code, each in zip(stage, codes, failed, strict=True):
            if code and (not each or len(names) > few):
                _give_up(command, code)
        for command, each in zip(remembering, failed, strict=True):
            if each:
                complain(f"failed, and is asked once more, alone: {', '.join(each)}")
                report = Path(place, "again.xml")
                _pass([[*command, "--last-failed", f"--junit-xml={report}"]], folder, environment)
                if _ran(report) < len(each):
                    complain("not all of them ran the second time")
                    raise typer.Exit(1)
        return names


def _failed(memory: Path) -> list[str]:
    """The tests that pytest remembers as failed."""
    file = memory / "v" / "cache" / "lastfailed"
    return list(json.loads(file.read_text())) if file.exists() else []


def _ran(report: Path) -> int:
    """How many tests were not skipped, as JUnit's XML has it."""
    suite = ElementTree.parse(report).getroot()[0]
    return int(suite.attrib["tests"]) - int(suite.attrib["skipped"])


def _pass(stage: Stage, folder: Path, environment: Mapping[str, str]) -> None:
    for command, code in zip(stage, _run(stage, folder, environment), strict=True):
        if code:
            _give_up(command, code)


def _give_up(command: Command, code: int) -> None:
    complain(f"{command[0]} found something (exit code {code})")
    raise typer.Exit(1)


def _run(stage: Stage, folder: Path, environment: Mapping[str, str]) -> list[int]:
    """Run the programs of a stage at the same time; their exit codes."""
    for beside, command in enumerate(stage):
        when = " (beside it; what it says follows)" if beside else ""
        err.print(f"[bold]── {' '.join(command)}[/]{when}", soft_wrap=True)
    programs = [[str(Path(sys.executable).with_name(name)), *rest] for name, *rest in stage]
    return together(programs, folder, environment)
