"""The design's budgets, measured on this machine: `./shoplab bench [WHAT]`.

Read in this order: `measurement` (rounds, ratios, budgets), then one file per thing that is measured.
"""

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from labs.bench import (
    checkout,
    down,
    failover,
    ground,
    load,
    machine,
    memory,
    product,
    replication,
    report,
    resilience,
    room,
    startup,
    stock,
    wire,
    wrk,
)
from labs.bench.measurement import Measurement, Say
from labs.commands.output import QUIET, complain, err
from labs.control.client import ShopClient

Measure = Callable[[Say], list[Measurement]]
MeasureShop = Callable[[ShopClient, Say], list[Measurement]]

STARTS: Mapping[str, Measure] = {"startup": startup.measure, "down": down.measure}
"""These start and end shops themselves."""
INSIDE: Mapping[str, MeasureShop] = {
    "memory": memory.measure,
    "product": product.measure,
    "checkout": checkout.measure,
    "stock": stock.measure,
    "resilience": resilience.measure,
    "room": room.measure,
    "load": load.measure,
    "wire": wire.measure,
    "replication": replication.measure,
    "failover": failover.measure,
}
"""These look at a running one, which they share."""
KNOWN = (*INSIDE, *STARTS)


def run(what: str, as_json: bool) -> int:
    """Measure one thing, or all. 0: every budget is kept, 1: one is not, 2: unknown. Leaves no shop behind, also when
    interrupted. Raises MissingBinary before anything is started.
    """
    if what and what not in KNOWN:
        complain(f"there is no measurement {what!r}; these are known: {', '.join(KNOWN)}")
        return 2
    names = [what] if what else KNOWN
    if "load" in names:
        wrk.program()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    measurements = measure(names, progress)
    if as_json:
        print(report.to_json(machine.describe(), measurements))
    else:
        report.show(machine.describe(), measurements)
    return 1 if any(each.met is False for each in measurements) else 0


def measure(names: Sequence[str], say: Callable[[str, str], None]) -> list[Measurement]:
    """All of these, one after the other; `say` gets the measurement's name and a line of progress."""
    found: list[Measurement] = []
    with ExitStack() as stack:
        inside = [name for name in INSIDE if name in names]
        if inside:
            say("shop", "starting a private one")
            name = stack.enter_context(ground.nothing(ground.own_name()))
            ground.up(name)
            shop = ShopClient.of(name)
        for name in inside:
            found += INSIDE[name](shop, lambda line, name=name: say(name, line))  # type: ignore[misc]
    for name in (name for name in STARTS if name in names):
        found += STARTS[name](lambda line, name=name: say(name, line))  # type: ignore[misc]
    return found


def progress(name: str, line: str) -> None:
    """One line on standard error."""
    err.print(f"  [{QUIET}]{name:<9}[/] {line}", soft_wrap=True)
