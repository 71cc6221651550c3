"""test."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from labs.commands.output import GOOD, AnyName, complain, err, out
from labs.commands.programs import together

Command = list[str]
Stage = list[Command]
FAILED = 1
"""Pytest's exit code when tests failed, and nothing else did."""
FEW = 3
"""So many failures may be the machine's; more are the shop's."""


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
    if arguments or fast:
        _pass([_pytest(cache / "pytest", *(arguments or ["tests/unit"]))], PROJECT, environment)
    else:
        prove(_all_tests(cache), PROJECT, environment)
    out.print(f"[{GOOD}]✓[/] everything is proved")


def prove(stages: Sequence[Stage], folder: Path, environment: Mapping[str, str]) -> None:
    """Run stages of tests. A few that failed beside others are asked once more, alone, and named: what a busy machine
    broke holds then, what is broken does not. Raises typer.Exit.
    """
    for stage in stages:
        fresh = [[*command, "--cache-clear"] for command in stage]
        for command, code in zip(stage, _run(fresh, folder, environment), strict=True):
            if code == FAILED and 0 < len(failed := _failed(command)) <= FEW:
                complain(f"failed, and is asked once more, alone: {', '.join(failed)}")
                _pass([[*command, "--last-failed"]], folder, environment)
            elif code:
                _give_up(command, code)


def _pass(stage: Stage, folder: Path, environment: Mapping[str, str]) -> None:
    for command, code in zip(stage, _run(stage, folder, environment), strict=True):
        if code:
            _give_up(command, code)


def _give_up(command: Command, code: int) -> None:
    complain(f"{command[0]} found something (exit code {code})")
    raise typer.Exit(1)


def _all_tests(cache: Path) -> list[Stage]:
    """Two halves beside each other, as most tests wait for something most of the time. Then what is measured, alone."""
    parts = ["tests/unit", "tests/integration", "tests/browser", "tests/labs"]
    return [
        [
            _pytest(cache / "parts", "-m", "not quiet", *parts),
            _pytest(cache / "whole", "-m", "not quiet", "tests/shop"),
        ],
        [_pytest(cache / "quiet", "-m", "quiet", "tests")],
    ]


def _pytest(cache: Path, *arguments: str) -> Command:
    """Pytest with a memory of its own of what failed."""
    return ["pytest", "-o", f"cache_dir={cache}", "--durations=15", *arguments]


def _failed(command: Command) -> list[str]:
    """The tests that a command of `_pytest` saw fail."""
    memory = Path(command[2].partition("=")[2]) / "v" / "cache" / "lastfailed"
    return list(json.loads(memory.read_text())) if memory.exists() else []


def _run(stage: Stage, folder: Path, environment: Mapping[str, str]) -> list[int]:
    """Run the programs of a stage at the same time; their exit codes."""
    for beside, command in enumerate(stage):
        when = " (beside it; what it says follows)" if beside else ""
        err.print(f"[bold]── {' '.join(command)}[/]{when}", soft_wrap=True)
    programs = [[str(Path(sys.executable).with_name(name)), *rest] for name, *rest in stage]
    return together(programs, folder, environment)
