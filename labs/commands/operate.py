"""check, scale, balance, redeliver, recall, restock, resend, flags, flag."""

import re
from typing import Annotated, Any

import typer

from labs.commands.output import BAD, GOOD, SIGNS, Json, Name, complain, emit, out, pairs, table, usage


def check(name: Name = "shop", as_json: Json = False) -> None:
    """Prove the invariants: stock adds up, one charge per order, nothing lost."""
    from labs.control.client import ShopClient

    results = ShopClient.of(name).invariants()
    holds = all(result["holds"] for result in results)
    if as_json:
        emit({"ok": holds, "invariants": results})
    else:
        table("", "invariant", "found", rows=[[SIGNS[r["holds"]], r["claim"], r["found"]] for r in results])
        out.print(f"[{GOOD}]✓ all hold[/]" if holds else f"[{BAD}]✗ violated[/]")
    if not holds:
        raise typer.Exit(1)


def scale(
    what: Annotated[str, typer.Argument(metavar="SERVICE=N", help="Such as catalog=4.")],
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Run more or fewer replicas of a service; the gateway learns at once. Only what rests at none can go back to 0."""
    from compose import topology
    from labs.control.bounds import MOST_REPLICAS
    from labs.control.client import ShopClient

    match = re.fullmatch(r"([a-z-]+)=(\d+)", what)
    if not match:
        usage(f"{what!r} is not SERVICE=N, such as catalog=4")
    service, replicas = match[1], int(match[2])
    fewest = 0 if service in topology.load().resting() else 1
    if not fewest <= replicas <= MOST_REPLICAS:
        usage(f"{what}: a service can have {fewest} to {MOST_REPLICAS} replicas")
    shop = ShopClient.of(name)
    shop.scale(service, replicas)
    running = [c["name"] for c in shop.status() if c["service"] == service]
    if as_json:
        return emit({"service": service, "replicas": running})
    out.print(f"[{GOOD}]✓[/] {service}: {', '.join(running) or 'none, it rests'}")


def balance(
    service: Annotated[str, typer.Argument(help="Such as catalog.")],
    policy: Annotated[str, typer.Argument(help="round_robin, least_conn, ip_hash, or weights.")],
    weights: Annotated[list[str] | None, typer.Argument(metavar="[REPLICA=N]…", help="Such as catalog-1=3.")] = None,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Choose how the gateway shares a service's requests, live."""
    from labs.control.client import ShopClient

    given = pairs(weights)
    if not all(weight.isdigit() for weight in given.values()):
        usage("a weight is a whole number, such as catalog-1=3")
    upstream = ShopClient.of(name).balance(service, policy, {replica: int(weight) for replica, weight in given.items()})
    if as_json:
        return emit(upstream)
    shares = ", ".join(f"{s['name']} (weight {s['weight']})" for s in upstream["servers"])
    out.print(f"[{GOOD}]✓[/] {service}: {upstream['policy']} over {shares}")


def redeliver(
    queue: Annotated[str, typer.Argument(help="fulfilment or notifications.")],
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Put a queue's dead letters back, once their cause is gone; none is lost."""
    from labs.control.client import ShopClient

    put_back = ShopClient.of(name).redeliver(queue)
    if as_json:
        return emit({"queue": queue, "put_back": put_back})
    out.print(f"[{GOOD}]✓[/] {put_back} dead letter{'' if put_back == 1 else 's'} put back into {queue}")


def recall(name: Name = "shop", as_json: Json = False) -> None:
    """Call back every parcel beyond the first of its order, after packing it twice."""
    from labs.control.client import ShopClient

    called_back = ShopClient.of(name).recall()
    if as_json:
        return emit({"called_back": called_back})
    out.print(f"[{GOOD}]✓[/] {called_back} parcel{'' if called_back == 1 else 's'} called back")


def restock(
    sku: Annotated[str, typer.Argument(help="The item, such as pot-020.")],
    left: Annotated[int, typer.Argument(min=0, help="How many pieces shall be left.")],
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Deliver pieces of an item until exactly so many are left, also those that were sold and never there."""
    from labs.control.client import ShopClient

    oversold = ShopClient.of(name).restock(sku, left)
    if as_json:
        return emit({"sku": sku, "left": left, "oversold": oversold})
    found = f"; {oversold} had been promised and were not there" if oversold else ""
    out.print(f"[{GOOD}]✓[/] {sku}: {left} piece{'' if left == 1 else 's'} left{found}")


def resend(name: Name = "shop", as_json: Json = False) -> None:
    """Announce again what was announced and left no trace: events that were lost on the way."""
    from labs.control.client import ShopClient

    announced = ShopClient.of(name).resend()
    if as_json:
        return emit({"announced": announced})
    out.print(f"[{GOOD}]✓[/] {announced} event{'' if announced == 1 else 's'} announced again")


def flags(name: Name = "shop", as_json: Json = False) -> None:
    """The shop's run-time switches, and what they are set to."""
    from labs.control.client import ShopClient

    found = ShopClient.of(name).flags()
    if as_json:
        return emit(found)
    rows = [[f["name"], _shown(f), f"{_word(f['default'])}{f['unit']}", f["help"]] for f in found]
    table("flag", "now", "default", "what it does", rows=rows)


def flag(
    which: Annotated[str, typer.Argument(metavar="NAME", help="Such as fulfilment.pack_ms; see: ./shoplab flags")],
    value: Annotated[str, typer.Argument(help="on, off, a number, a word; `default` gives it back.")],
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """Switch something in the running shop; every replica follows within a second."""
    from labs.control.client import ShopClient

    done = ShopClient.of(name).switch(which, value)
    if as_json:
        emit(done)
    else:
        out.print(f"[{GOOD}]✓[/] {which} is {_word(done['value'])}")
    if done["behind"]:
        complain(f"not yet at {', '.join(done['behind'])}: who is frozen or cut off follows when it is back")
        raise typer.Exit(1)


def _shown(found: dict[str, Any]) -> str:
    """The value, with a mark when somebody has set it."""
    mark = "" if found["value"] == found["default"] else " *"
    return f"{_word(found['value'])}{found['unit']}{mark}"


def _word(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
