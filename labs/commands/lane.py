"""lane."""

from typing import Annotated

import typer

from labs.commands.output import GOOD, Json, Name, emit, out, usage


def lane(
    sku: Annotated[str | None, typer.Argument(help="The item everybody wants, such as pot-020.")] = None,
    close: Annotated[bool, typer.Option("--close", help="Everything goes the usual way again.")] = False,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Give a sale's item replicas, connections and a packer of its own, so that a rush on it holds up nobody else."""
    from labs.control.client import ShopClient

    if (sku is None) != close:
        usage("say which item the lane is for, such as pot-020, or --close it")
    ShopClient.of(name).lane(sku or "")
    if as_json:
        return emit({"hot_item": sku or ""})
    out.print(f"[{GOOD}]✓[/] " + (f"orders with {sku} take the lane" if sku else "the lane is closed"))
