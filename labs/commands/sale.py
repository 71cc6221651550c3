"""sale start, status, rate, stop: one item, sold to a line of people."""

from typing import Annotated, Any

import typer

from labs.commands.output import GOOD, QUIET, Json, Name, emit, out
from labs.control.bounds import MOST_ADMITTED_PER_S, MOST_PIECES

sale = typer.Typer(help="Sell one item to a line of people: a waiting room, and so many admitted a second.")

Rate = Annotated[float, typer.Option(help="People admitted a second; 0 for nobody.", min=0, max=MOST_ADMITTED_PER_S)]


@sale.command()
def start(
    sku: Annotated[str, typer.Argument(help="The item, such as pot-020.")],
    stock: Annotated[int, typer.Option(help="Pieces there are.", min=1, max=MOST_PIECES)] = 100,
    rate: Rate = 10.0,
    lane: Annotated[bool, typer.Option("--lane", help="Give the item replicas of its own as well.")] = False,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Open the doors: from now on the item is sold only to those whose turn it is."""
    from labs.control.client import ShopClient

    shop = ShopClient.of(name)
    found = shop.start_sale(sku, stock, rate, lane)
    if as_json:
        return emit({"sale": found})
    _told(found)
    out.print(f"  the line is at {shop.url}/sale/{sku}")


@sale.command()
def status(name: Name = "shop", as_json: Json = False) -> None:
    """How many stand in line, were admitted, have bought; and what is left."""
    from labs.control.client import ShopClient

    found = ShopClient.of(name).sale()
    if as_json:
        return emit({"sale": found})
    _told(found)


@sale.command()
def rate(
    people: Annotated[
        float, typer.Argument(help="Admitted a second from now on; 0 for nobody.", min=0, max=MOST_ADMITTED_PER_S)
    ],
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Let people in faster or slower, or nobody; every place in line stays as it is."""
    from labs.control.client import ShopClient

    found = ShopClient.of(name).pace_sale(people)
    if as_json:
        return emit({"sale": found})
    _told(found)


@sale.command()
def stop(name: Name = "shop", as_json: Json = False) -> None:
    """Close the line: whatever is left is sold like everything else."""
    from labs.control.client import ShopClient

    found = ShopClient.of(name).stop_sale()
    if as_json:
        return emit({"sale": found})
    if found:
        out.print(f"[{GOOD}]✓[/] the sale of {found['sku']} is over: {found['ordered']} orders, {found['left']} left")
    else:
        out.print(f"[{QUIET}]no sale was running[/]")


def _told(found: dict[str, Any] | None) -> None:
    if not found:
        return out.print(f"[{QUIET}]no sale is running[/]; ./shoplab sale start pot-020 begins one")
    out.print(
        f"[{GOOD}]✓[/] {found['sku']}: {found['rate']:g} people a second; {found['taken']} came, "
        f"{found['admitted']} admitted, {found['ordered']} bought, {found['left']} of {found['stock']} left",
        soft_wrap=True,
    )
