"""Others use the machine's processors too: a noisy neighbour, a backup, a runaway job."""

from collections.abc import Mapping
from typing import Any

from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient
from labs.faults.targets import MACHINE

BUSY = "labs.control.busy"


def apply(shop: Patient, _target: str, given: Mapping[str, Any]) -> None:
    """Start so many busy processes, all with ordinary priority."""
    for _ in range(given["workers"]):
        shop.helpers.run("cpu_stress", BUSY, str(given["load"]), str(given["duration_s"]))


FAULT = Fault(
    name="cpu_stress",
    kinds=(MACHINE,),
    sees="everything is slower, the slowest most",
    teaches="saturation against latency: the median moves a little, the tail a lot",
    parameters={
        "workers": Parameter(2, "processes", "how many", most=16, least=1),
        "load": Parameter(100.0, "%", "of one core each", most=100, least=1),
        "duration_s": Parameter(30.0, "s", "then they end by themselves", most=600, least=1),
    },
    apply=apply,
    undo=lambda shop, _target: shop.helpers.end("cpu_stress"),
)
