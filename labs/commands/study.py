"""notebook, bench, test."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated

import typer

from labs.commands.output import GOOD, AnyName, Json, Name, complain, err, out


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
    name: AnyName = "shop",
) -> None:
    """Prove everything: style, types, import contracts, then the tests; what CI runs."""
    from compose.topology import PROJECT

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shoplab"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "RUFF_CACHE_DIR": str(cache / "ruff")}
    pytest = ["pytest", "-o", f"cache_dir={cache / 'pytest'}"]
    stages: list[list[list[str]]] = [
        [["ruff", "check", "."]],
        [["ruff", "format", "--check", "."]],
        [["mypy", "--cache-dir", str(cache / "mypy")]],
        [["lint-imports", "--cache-dir", str(cache / "imports")]],
        *([[[*pytest, *arguments]]] if arguments else [[[*pytest, "tests/unit"]]] if fast else _all_tests(pytest)),
    ]
    for stage in stages:
        for beside, command in enumerate(stage):
            when = " (beside it; what it says follows)" if beside else ""
            err.print(f"[bold]── {' '.join(command)}[/]{when}", soft_wrap=True)
        programs = [[str(Path(sys.executable).with_name(name)), *rest] for name, *rest in stage]
        if code := _together(programs, PROJECT, environment):
            complain(f"{stage[0][0]} found something (exit code {code})")
            raise typer.Exit(1)
    out.print(f"[{GOOD}]✓[/] everything is proved")


def _all_tests(pytest: list[str]) -> list[list[list[str]]]:
    """Two halves beside each other, as most tests wait for something most of the time. Then what is measured, alone."""
    rest = [*pytest, "-m", "not quiet"]
    half = [*rest, "tests/unit", "tests/integration", "tests/browser", "tests/labs"]
    return [[half, [*rest, "tests/shop"]], [[*pytest, "-m", "quiet", "tests"]]]


def bench(
    what: Annotated[str, typer.Argument(metavar="[WHAT]", help="One of the measurements; all when left out.")] = "",
    name: AnyName = "shop",
    as_json: Json = False,
) -> None:
    """Measure the design's budgets in private shops, each beside its yardstick in the same run."""
    from labs.bench import run

    raise typer.Exit(run(what, as_json))


def _call(command: Sequence[str], folder: Path, environment: Mapping[str, str], says: IO[str] | None = None) -> int:
    """Run a program; its exit code. Ctrl-C goes to the program too, which then has the time it needs to clean up:
    `subprocess.call` would kill it after a quarter of a second. `says`: where its output goes instead of here.
    """
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=says, stderr=says) as program:
        while True:
            with suppress(KeyboardInterrupt):
                return program.wait()


def _together(commands: Sequence[Sequence[str]], folder: Path, environment: Mapping[str, str]) -> int:
    """Run programs at the same time; the first exit code that is not zero. What all but the first say is shown when
    they are done, as two at a time cannot be read.
    """
    first, *others = commands
    with ThreadPoolExecutor() as pool, ExitStack() as files:
        said = [files.enter_context(TemporaryFile("w+")) for _ in others]
        running = [
            pool.submit(_call, other, folder, environment, file) for other, file in zip(others, said, strict=True)
        ]
        codes = [_call(first, folder, environment), *(one.result() for one in running)]
        for file in said:
            file.seek(0)
            print(file.read())
    return next((code for code in codes if code), 0)
