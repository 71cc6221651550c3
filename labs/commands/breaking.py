"""faults, break, heal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from labs.commands.output import BAD, GOOD, QUIET, AnyName, Json, Name, emit, out, pairs, table
from labs.control.bounds import A_DAY_S

if TYPE_CHECKING:
    from labs.faults.fault import Fault


def faults(
    fault: Annotated[str | None, typer.Argument(help="One fault; all when left out.")] = None,
    name: AnyName = "shop",
    as_json: Json = False,
) -> None:
    """The ways to break the shop: whom each strikes, what a client sees, what it teaches, its parameters."""
    from labs.faults import TOPICS, find, listing

    topics = {"fault": [find(fault)]} if fault else TOPICS
    if as_json:
        return emit([listing.document(each) for them in topics.values() for each in them])
    for topic, them in topics.items():
        table(topic, "", rows=[[each.name, "\n".join(_told(each)) + "\n"] for each in them])


def _told(fault: "Fault") -> Iterator[str]:
    yield f"[{QUIET}]strikes[/] {fault.whom}[{QUIET}], in {' and '.join(fault.runtimes)}[/]"
    yield f"[{QUIET}]a client sees[/] {fault.sees}"
    yield f"[{QUIET}]it teaches[/] {fault.teaches}"
    for name, parameter in fault.parameters.items():
        yield f"{name} = {parameter}  [{QUIET}]{parameter.help}[/]"


def break_(
    fault: Annotated[str, typer.Argument(help="Such as process_kill; see: ./shoplab faults")],
    target: Annotated[str, typer.Argument(help="A component, a service, or a link, such as catalog-1.")],
    given: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]…", help="The fault's parameters.")] = None,
    for_s: Annotated[float, typer.Option("--for", help="Seconds; then it heals by itself.", min=0, max=A_DAY_S)] = 0.0,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Break something; heal undoes it."""
    from labs.control.client import ShopClient
    from labs.faults import find

    parameters = pairs(given)
    find(fault).read(parameters)
    ShopClient.of(name).set_fault(fault, target, for_s=for_s, **parameters)
    if as_json:
        return emit({"fault": fault, "target": target, "given": parameters, "for_s": for_s})
    out.print(f"[{BAD}]✗[/] {fault} {target}" + (f" for {for_s:g} s" if for_s else "; undo it with: ./shoplab heal"))


def heal(name: Name = "shop", as_json: Json = False) -> None:
    """Undo every fault and start whatever is not running."""
    from labs.control.client import ShopClient
    from labs.engine.undo import finish_interrupted

    shop = ShopClient.of(name)
    left = shop.heal()
    tried = finish_interrupted(shop)
    if not all(each["ok"] for each in tried):
        tried = finish_interrupted(shop)  # a server that has just come back may have been too early
    left += [f"an interrupted lab left {each['undo']}: {each['detail']}" for each in tried if not each["ok"]]
    if as_json:
        emit({"ok": not left, "left": left})
    else:
        out.print("\n".join(f"[{BAD}]✗[/] {each}" for each in left) or f"[{GOOD}]✓[/] nothing is broken")
    if left:
        raise typer.Exit(1)
