"""warm."""

from dataclasses import asdict
from typing import Annotated

import typer

from labs.commands.output import GOOD, Json, Name, complain, emit, out


def warm(
    top: Annotated[int | None, typer.Option(help="Only so many, the most wanted first.", min=1)] = None,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Fill the cache before the doors open: read the most wanted products through the shop."""
    from labs import warming
    from labs.control.client import ShopClient

    warmed = warming.warm(ShopClient.of(name).url, top)
    if as_json:
        emit(asdict(warmed))
    else:
        out.print(f"[{GOOD}]✓[/] {warmed.products} products read in {warmed.seconds:.1f} s")
    if warmed.failed:
        complain(f"{warmed.failed} failed and stay cold")
        raise typer.Exit(1)
