"""notebook, bench, test."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from labs.commands.output import GOOD, Json, Name, complain, err, out


def notebook(
    name: Name = "shop",
    port: Annotated[int, typer.Option(help="Where Jupyter listens.")] = 21888,
) -> None:
    """Open the labs as notebooks in Jupyter, working on the running shop."""
    from compose.topology import PROJECT
    from labs.control.place import find

    find(name)
    command = [sys.executable, "-m", "jupyterlab", f"--port={port}", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    environment = {**os.environ, "SHOPLAB_NAME": name, "PYTHONPATH": str(PROJECT)}
    raise typer.Exit(_call(command, PROJECT / "notebooks", environment))


def test(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PYTEST ARGUMENTS]…", help="After --, for pytest.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Only what needs no servers; a minute at most.")] = False,
    name: Name = "shop",
) -> None:
    """Prove everything: style, types, import contracts, then the tests; what CI runs."""
    from compose.topology import PROJECT

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shoplab"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "RUFF_CACHE_DIR": str(cache / "ruff")}
    tests = ["tests/unit"] if fast else ["tests"]
    stages: list[list[str]] = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "--cache-dir", str(cache / "mypy")],
        ["lint-imports", "--cache-dir", str(cache / "imports")],
        ["pytest", "-o", f"cache_dir={cache / 'pytest'}", *(arguments or tests)],
    ]
    for stage in stages:
        err.print(f"[bold]── {' '.join(stage)}[/]", soft_wrap=True)
        program = [str(Path(sys.executable).with_name(stage[0])), *stage[1:]]
        if code := _call(program, PROJECT, environment):
            complain(f"{stage[0]} found something (exit code {code})")
            raise typer.Exit(1)
    out.print(f"[{GOOD}]✓[/] everything is proved")


def bench(
    what: Annotated[str, typer.Argument(metavar="[WHAT]", help="One of the measurements; all when left out.")] = "",
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Measure the design's budgets on this machine, each beside its yardstick in the same run."""
    from labs.bench import run

    raise typer.Exit(run(what, as_json))


def _call(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run a program; its exit code. Ctrl-C goes to the program too, which then has the time it needs to clean up:
    `subprocess.call` would kill it after a quarter of a second.
    """
    with subprocess.Popen(command, cwd=folder, env=environment) as program:
        while True:
            with suppress(KeyboardInterrupt):
                return program.wait()
