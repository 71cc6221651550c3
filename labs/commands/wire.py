"""wire."""

from pathlib import Path
from typing import Annotated

import typer

from labs.commands.output import AnyName


def wire(
    config: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A JSON array of proxies.")] = None,
    host: Annotated[str, typer.Option(help="Where its HTTP API listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The API's port; 0 finds one.")] = 8474,
    seed: Annotated[int | None, typer.Option(help="Makes the draws of toxicity repeatable.")] = None,
    name: AnyName = "shop",
) -> None:
    """Run the fault proxy alone, without a shop; it speaks Toxiproxy's HTTP API. Ctrl-C ends it."""
    from compose.wire.__main__ import serve

    raise typer.Exit(serve(host, port, config, seed))
