"""A measurement as people read it: one line a thing, the yardstick beside it, the verdict as a sign."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from labs.bench.measurement import Measurement
from labs.commands.output import QUIET, SIGNS, out, table


def show(machine: Mapping[str, Any], measurements: Sequence[Measurement]) -> None:
    """Print the table."""
    out.print()
    table(
        "what", "measured", "yardstick", "ratio", "budget", "", right=("measured", "yardstick", "ratio"),
        rows=[row(each) for each in measurements],
    )  # fmt: skip
    for each in measurements:
        if each.beside:
            out.print(f"[{QUIET}]{each.name}: the yardstick is {each.beside}[/]")
    out.print(
        f"[{QUIET}]medians of rounds taken in turn; {machine['cores']} cores, {machine['memory_mb'] / 1000:.0f} GB, "
        f"{machine['cpu']}, kernel {machine['kernel']}, Python {machine['python']}, {machine['date']}, "
        f"commit {machine['commit']}[/]"
    )


def row(each: Measurement) -> list[str]:
    """The cells of one line."""
    return [
        each.what,
        f"{each.measured:.4g} {each.unit}",
        f"{each.yardstick:.4g} {each.unit}" if each.yardstick is not None else "",
        f"{each.ratio:.2f}" if each.ratio is not None else "",
        promise(each),
        SIGNS[each.met] if each.met is not None else "",
    ]


def promise(each: Measurement) -> str:
    """The budget in words."""
    if each.budget is None:
        return "no budget"
    unit = f" {each.unit}" if each.budget.of == "measured" else " of the yardstick"
    moonshot = f" (moonshot {each.budget.moonshot:g})" if each.budget.moonshot is not None else ""
    return f"{each.budget.kind} {each.budget.limit:g}{unit}{moonshot}"


def to_json(machine: Mapping[str, Any], measurements: Sequence[Measurement]) -> str:
    """The same for scripts."""
    return json.dumps({"machine": machine, "measurements": [each.to_json() for each in measurements]}, indent=2)
