"""The catalogue for readers: as data, and as the tables of this folder's README, which this module prints.

python -m labs.faults.listing > labs/faults/README.md
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from labs.faults import TOPICS
from labs.faults.fault import RUNTIMES, Fault

INTRODUCTION = """\
# Ways to break the shop

`./shoplab break FAULT TARGET [KEY=VALUE …] [--for SECONDS]` applies one. `./shoplab heal` undoes all of them; what a
control daemon that was killed has left on disk is undone by the next `up`. Names and parameters are those of the tools
they come from (Toxiproxy, Pumba, Istio, Chaos Mesh, Litmus), or of the program that is struck. Each fault is one file
here. This page is printed by `python -m labs.faults.listing`.

A target is a component (`catalog-1`, `postgres-2`, `gateway`), a service (`catalog`, where its upstream is meant;
`fulfilment`, where all its consumers are), links of the wire (`catalog-1:memcached-2`, `catalog:postgres`,
`replication`, or `rabbitmq` for all that lead there), or the `machine`.
"""


def document(fault: Fault) -> dict[str, Any]:
    """One fault as JSON has it."""
    return {
        "name": fault.name,
        "targets": list(fault.kinds),
        "sees": fault.sees,
        "teaches": fault.teaches,
        "runtimes": list(fault.runtimes),
        "parameters": {name: asdict(parameter) for name, parameter in fault.parameters.items()},
    }


def markdown() -> str:
    """The README: a table for each topic."""
    return "\n".join([INTRODUCTION, *(line for topic in TOPICS for line in _topic(topic))])


def _topic(name: str) -> Iterator[str]:
    yield f"## {name[0].upper()}{name[1:]}"
    yield ""
    yield "| fault | strikes | parameters | a client sees | it teaches |"
    yield "|---|---|---|---|---|"
    for fault in TOPICS[name]:
        knobs = "<br>".join(f"`{knob}` {parameter}" for knob, parameter in fault.parameters.items())
        where = "" if tuple(fault.runtimes) == RUNTIMES else f" (only {', '.join(fault.runtimes)})"
        whom = fault.whom + where
        yield f"| [`{fault.name}`]({fault.name}.py) | {whom} | {knobs} | {fault.sees} | {fault.teaches} |"
    yield ""


if __name__ == "__main__":
    print(markdown(), end="")
