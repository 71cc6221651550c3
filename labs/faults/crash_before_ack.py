"""A worker dies between the work and its word to the broker, and is started again: the broker delivers once more."""

import time
from collections.abc import Mapping
from typing import Any

from compose.runtime.verbs import RuntimeFailed
from labs.control.probes import WORK_QUEUES
from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient

PATH = "/internal/faults/crash"
WORK_WITHIN_S = 10.0


def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
    """Let it die after its next piece of work and start it again, so many times. Raises RuntimeFailed when there is no
    work to die of.
    """
    for crash in range(given["crashes"]):
        shop.put(target, PATH, {"armed": True})
        deadline = time.monotonic() + WORK_WITHIN_S
        while shop.runs(target):
            if time.monotonic() > deadline:
                shop.put(target, PATH, {"armed": False})
                why = f"{target} had nothing to do within {WORK_WITHIN_S:g} s, or was healed"
                raise RuntimeFailed(f"{why}: it crashed {crash} times")
            shop.rest(0.05)
        shop.start(target)


def undo(shop: Patient, target: str) -> None:
    """Have it run, unharmed."""
    shop.start(target)
    shop.put(target, PATH, {"armed": False})


FAULT = Fault(
    name="crash_before_ack",
    kinds=("worker",),
    sees="nothing, if the work is idempotent; else it is done twice",
    teaches="at least once: what is not acknowledged is delivered again",
    parameters={"crashes": Parameter(1, "times", "how often", most=20, least=1)},
    apply=apply,
    undo=undo,
    only=WORK_QUEUES,  # each queue is called by the service that takes from it
)
