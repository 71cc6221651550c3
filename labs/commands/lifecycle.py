"""up, down, status, doctor, reset, logs."""

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labs.commands.output import BAD, GOOD, QUIET, SIGNS, Json, Name, complain, emit, err, named, out, table, usage

if TYPE_CHECKING:
    from labs.control.place import Place

UNFENCED_SHOP = "TEST SWITCH: this shop does not fence a lost primary, and will lose orders; down ends that"
WHAT_RUNS = {"local": "local processes", "containers": "containers"}
NEXT = (
    ("status", "who is running, ready, with how much memory"),
    ("load --mix sale --rate 50 --duration 10", "shoppers"),
    ("break process_kill catalog-1", "take something away; heal brings it back"),
    ("lab run balancing-policies", "the first lab"),
    ("down", "end it"),
)


class RuntimeName(StrEnum):
    """auto takes containers when an engine answers, local processes otherwise."""

    auto = "auto"
    local = "local"
    containers = "containers"


def up(
    name: Name = "shop",
    runtime: Annotated[
        RuntimeName, typer.Option(help="auto takes containers when an engine answers.")
    ] = RuntimeName.auto,
    no_wire: Annotated[
        bool, typer.Option("--no-wire", help="Leave the fault proxy out: no network faults, a little faster.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(help="First port of the shop's block of 100; found free by itself.", min=1024, max=65436),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start the shop; done when one order has gone all the way. One that runs already stays as it is."""
    from compose.failover import unfenced
    from labs.control import place, starting
    from labs.control.client import ShopClient

    found = place.read(name)
    if found is not None and found.alive() and found.serving:
        if others := refused(found, runtime, no_wire, port):
            usage(f"the running shop {name!r} has other options than {' and '.join(others)}, and stays as it is; "
                  f"end it first: ./shoplab down{named(name)}")  # fmt: skip
        shop = ShopClient(found)
        if as_json:
            return emit(
                {"name": name, "url": shop.url, "runtime": shop.runtime, "already_running": True, "seconds": 0.0}
            )
        return out.print(f"The shop [bold]{name}[/] is already running at [bold]{shop.url}[/]")
    started = time.monotonic()
    chosen = choose(runtime)
    if not as_json:
        err.print(f"Starting the shop [bold]{name}[/] as {WHAT_RUNS[chosen]} …")
    try:
        result = starting.up(
            name, chosen, port, lambda part, what: show_progress(part, what, started, as_json), not no_wire
        )
    except KeyboardInterrupt:
        complain("everything that had been started was ended")
        raise
    seconds = time.monotonic() - started
    if as_json:
        return emit({"name": name, "runtime": chosen, "already_running": False, "seconds": round(seconds, 2), **result})
    if unfenced(name):
        err.print(f"  [{BAD}]{UNFENCED_SHOP}[/]")
    opened(name, result, seconds)


def opened(name: str, result: dict[str, Any], seconds: float) -> None:
    """The shop has just come up: where it is, and what to try next."""
    out.print(f"\n[{GOOD}]✓[/] The shop is open at [bold]{result['url']}[/]")
    out.print(f"  {seconds:.1f} s; the first order, {result['order_id']}, is {result['order_status']}\n")
    out.print("  Try next:")
    for command, what in NEXT:
        out.print(f"    ./shoplab {command + named(name):<48} [{QUIET}]{what}[/]", soft_wrap=True)


def refused(found: "Place", runtime: RuntimeName, no_wire: bool, port: int | None) -> list[str]:
    """The options that were given and that a running shop has not."""
    without = {
        f"--runtime {runtime}": runtime not in (RuntimeName.auto, found.runtime),
        "--no-wire": no_wire and found.wired,
        f"--port {port}": port not in (None, found.base),
    }
    return [option for option, missing in without.items() if missing]


def choose(runtime: RuntimeName) -> str:
    """The runtime to use. Raises what is missing for it."""
    from compose.versions import require_servers

    if runtime is not RuntimeName.local:
        from compose.runtime.containers import available

        reason = available()
        if reason is None:
            return "containers"
        if runtime is RuntimeName.containers:
            from compose.runtime.verbs import RuntimeFailed

            raise RuntimeFailed(f"no containers: {reason}")
    require_servers()
    return "local"


def show_progress(component: str, what: str, started: float, quiet: bool) -> None:
    """One line per component that has become ready."""
    if quiet or what == "starting":
        return
    sign, style = ("✓", GOOD) if what == "ready" else ("✗", BAD) if what.startswith("failed") else ("·", QUIET)
    err.print(
        f"  [{style}]{sign}[/] {component:<18} {'' if what == 'ready' else what}"
        f"[{QUIET}]{time.monotonic() - started:6.1f} s[/]"
    )


def down(
    name: Name = "shop",
    clean: Annotated[bool, typer.Option("--clean", help="Remove its data too: the next up starts anew.")] = False,
    as_json: Json = False,
) -> None:
    """End the shop; its data stays for the next up."""
    from labs.control import place, starting

    started = time.monotonic()
    was = place.read(name)
    starting.down(name)
    if clean:
        starting.forget(name)
    seconds = time.monotonic() - started
    if as_json:
        return emit({"name": name, "was_running": was is not None, "seconds": round(seconds, 2)})
    out.print(
        f"[{GOOD}]✓[/] {name} ended in {seconds:.1f} s"
        if was
        else f"The shop {name} was not running; nothing of it is left"
    )


def status(name: Name = "shop", as_json: Json = False) -> None:
    """What is running, ready, where, with how much memory."""
    from labs.control.client import ShopClient

    report = ShopClient.of(name).report(memory=True)
    if as_json:
        return emit(report)
    out.print(f"[bold]{report['name']}[/]  {report['runtime']}  [bold]{report['url']}[/]")
    rows = [
        [c["name"], c["state"], SIGNS[c["ready"]], c["role"], c["address"], c["pid"], c["memory_mb"]]
        for c in report["components"]
    ]
    table("component", "state", "ready", "role", "address", "pid", "MB", right=("pid", "MB"), rows=rows)
    total = sum(c["memory_mb"] or 0 for c in report["components"])
    out.print(f"[{QUIET}]{len(report['components'])} components, {total:.0f} MB (shared memory counted once)[/]")
    out.print(f"[{QUIET}]{replicated(report['replication'])}[/]")
    if not report["fences"]:
        out.print(f"[{BAD}]✗[/] {UNFENCED_SHOP}")
    for step in report["moves"][-1:]:
        out.print(f"[{QUIET}]last move of a role, {step['at']}: {step['node']} {step['what']}[/]", soft_wrap=True)
    for fault in report["faults"]:
        out.print(f"[{BAD}]✗[/] broken: {fault['fault']} {fault['target']} {fault['given']}")


def replicated(found: dict[str, Any] | None) -> str:
    """How far the replica is behind, in words."""
    if found is None:
        return "no Postgres takes writes"
    how = "synchronously" if found["synchronous"] else "asynchronously"
    if replica := found["replica"]:
        behind = f"{replica['behind_ms'] or 0:g} ms and {replica['behind_bytes']} bytes behind"
        return f"{found['primary']} is followed {how}, {replica['state']}, {behind}"
    return f"{found['primary']} is followed by nobody"


def doctor(name: Name = "shop", as_json: Json = False) -> None:
    """Does this machine have what the shop needs, and what to do if not."""
    from dataclasses import asdict

    from compose import places
    from compose.doctor import diagnose

    checks = diagnose(places.folder(name))
    if as_json:
        emit({"ok": all(c.ok or c.optional for c in checks), "checks": [asdict(c) for c in checks]})
    else:
        signs = {c.name: SIGNS[True] if c.ok else "-" if c.optional else SIGNS[False] for c in checks}
        rows = [[signs[c.name], c.name, c.found, c.wanted, c.advice] for c in checks]
        table("", "what", "found", "wanted", "to do", rows=rows)
    if not all(c.ok or c.optional for c in checks):
        raise typer.Exit(1)


def reset(name: Name = "shop", as_json: Json = False) -> None:
    """Back to the seed: no faults, no orders, full stock, empty caches and queues."""
    from labs.control.client import ShopClient

    started = time.monotonic()
    ShopClient.of(name).reset()
    seconds = time.monotonic() - started
    if as_json:
        return emit({"name": name, "seconds": round(seconds, 2)})
    out.print(f"[{GOOD}]✓[/] {name} is as new ({seconds:.1f} s)")


def logs(
    component: Annotated[str, typer.Argument(help="Such as orders-1; all when left out.")] = "",
    tail: Annotated[int, typer.Option(help="How many lines of each.", min=0)] = 20,
    name: Name = "shop",
    as_json: Json = False,
) -> None:
    """The last lines of a component's log; also when the shop did not come up."""
    from labs.control import place, starting
    from labs.control.client import ShopClient

    try:
        lines = ShopClient.of(name).logs(component or None, tail)
    except place.NotRunning:
        if (left := starting.log_left(name, component, tail)) is None:
            raise
        lines = left
    if as_json:
        return emit({"lines": lines})
    for line in lines:
        print(line)
    if not lines:
        complain("nothing logged yet")
