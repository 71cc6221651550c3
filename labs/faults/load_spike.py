"""More shoppers than usual, all of a sudden."""

from collections.abc import Mapping
from typing import Any

from labs.faults.fault import Fault, Parameter, UnknownFault
from labs.faults.patient import Patient


def apply(shop: Patient, _target: str, given: Mapping[str, Any]) -> None:
    """Send them by a schedule of their own, whatever else is sent. Raises UnknownFault for too many, or a mix that is
    none.
    """
    from labs.load import schedule

    ramp_s = min(given["ramp_s"], given["duration_s"])
    try:
        crowd = schedule.ramp(given["rate"], ramp_s, given["duration_s"], seed=1)
        shop.helpers.send("load_spike", shop.url, crowd, given["mix"])
    except ValueError as error:
        raise UnknownFault(f"load_spike: {error}") from error


FAULT = Fault(
    name="load_spike",
    kinds=("gateway",),
    sees="latency that grows with the queue once the shop takes more than it can do; then errors",
    teaches="the knee; retries that keep the shop down when the spike is over",
    parameters={
        "rate": Parameter(100.0, "requests/s", "how many arrive", most=1000, least=1),
        "ramp_s": Parameter(2.0, "s", "until so many arrive", most=600),
        "duration_s": Parameter(30.0, "s", "then they go home", most=600, least=1),
        "mix": Parameter("browse", "", "what they want, as `load --mix` has it"),
    },
    apply=apply,
    undo=lambda shop, _target: shop.helpers.end("load_spike"),
)
