"""The process ends gracefully and starts again: cold caches, a storm of reconnections."""

from collections.abc import Mapping
from typing import Any

from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient
from labs.faults.targets import ANYTHING


def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
    """Stop, stay away for a while, start, wait until ready. A primary that stays away may be replaced meanwhile."""
    shop.stop(target, 5.0)
    if given["delay_s"]:
        shop.rest(given["delay_s"])
    shop.start(target)


FAULT = Fault(
    name="restart",
    kinds=ANYTHING,
    sees="as process_stop, for a moment",
    teaches="what a deployment does to clients and caches",
    parameters={"delay_s": Parameter(0.0, "s", "how long it stays away", most=60)},
    apply=apply,
    undo=lambda shop, target: shop.start(target),
)
