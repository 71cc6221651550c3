"""failover, switchover, rejoin."""

from typing import Any

from labs.commands.output import GOOD, QUIET, Json, Name, emit, out


def failover(name: Name = "shop", as_json: Json = False) -> None:
    """End the primary, whatever state it is in, and promote its replica."""
    from labs.control.client import ShopClient

    show(ShopClient.of(name).failover(), as_json)


def switchover(name: Name = "shop", as_json: Json = False) -> None:
    """Exchange the roles of primary and replica in good order; nothing confirmed is lost."""
    from labs.control.client import ShopClient

    show(ShopClient.of(name).switchover(), as_json)


def rejoin(name: Name = "shop", as_json: Json = False) -> None:
    """Bring back the old primary as a replica of the new one."""
    from labs.control.client import ShopClient

    show(ShopClient.of(name).rejoin(), as_json)


def show(steps: list[dict[str, Any]], as_json: bool) -> None:
    """Each step with the second it was done at."""
    if as_json:
        return emit({"steps": steps})
    for step in steps:
        out.print(f"[{QUIET}]{step['seconds']:7.3f} s[/]  [{GOOD}]✓[/] {step['node']} {step['what']}", soft_wrap=True)
