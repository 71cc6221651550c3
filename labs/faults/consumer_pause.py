"""Workers freeze with messages in their hands: nobody takes any, and the broker does not know why."""

from collections.abc import Mapping
from typing import Any

from compose.runtime.verbs import RuntimeFailed
from labs.control.bounds import MOST_REPLICAS
from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient


def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
    """Freeze so many of the service's replicas, or none."""
    try:
        for replica in shop.members(target)[: given["count"]]:
            shop.pause(replica)
    except RuntimeFailed:
        undo(shop, target)
        raise


def undo(shop: Patient, target: str) -> None:
    """Let all of them go on that have not ended since, before one that cannot become ready is waited for."""
    frozen = [replica for replica in shop.members(target) if shop.runs(replica)]
    for replica in frozen:
        shop.resume(replica)
    for replica in frozen:
        shop.start(replica)


FAULT = Fault(
    name="consumer_pause",
    kinds=("consumers",),
    sees="orders are confirmed as ever, and not shipped",
    teaches="a backlog: (λ - μ) · t; the queue as shock absorber",
    parameters={"count": Parameter(1, "replicas", "how many of its replicas", most=MOST_REPLICAS, least=1)},
    apply=apply,
    undo=undo,
)
