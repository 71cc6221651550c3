"""Packing takes longer: the warehouse is short of hands. It is the flag `fulfilment.pack_ms`, so whoever is added to
help is as slow; the undo gives the flag its default back.
"""

from collections.abc import Mapping
from typing import Any

from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient

PACES = {"fulfilment": "fulfilment.pack_ms"}


def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
    """Set the pace of all replicas there are and will be."""
    shop.set_flag(PACES[target], given["delay_ms"])


FAULT = Fault(
    name="consumer_slow",
    kinds=("consumers",),
    sees="orders are confirmed as ever, and shipped later and later",
    teaches="a queue hides that its consumer is too slow, until somebody asks how long it has become",
    parameters={"delay_ms": Parameter(250.0, "ms", "how long one piece of work takes", most=60_000)},
    apply=apply,
    undo=lambda shop, target: shop.set_flag(PACES[target], "default"),
    outlives=True,
    only=tuple(PACES),
)
