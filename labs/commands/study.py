"""notebook, bench."""

import os
import sys
from typing import Annotated

import typer

from labs.commands.output import AnyName, Json, Name
from labs.commands.programs import call


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
    raise typer.Exit(call(command, PROJECT / "notebooks", environment))


def bench(
    what: Annotated[str, typer.Argument(metavar="[WHAT]", help="One of the measurements; all when left out.")] = "",
    name: AnyName = "shop",
    as_json: Json = False,
) -> None:
    """Measure the design's budgets in private shops, each beside its yardstick in the same run."""
    from labs.bench import run

    raise typer.Exit(run(what, as_json))
