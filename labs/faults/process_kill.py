"""The process ends without a chance to finish anything."""

import signal
from collections.abc import Mapping
from typing import Any

from labs.faults.fault import Fault, Parameter, UnknownFault, near
from labs.faults.patient import Patient
from labs.faults.targets import ANYTHING

FREEZING = ("SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU")


def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
    """Send the signal. Raises UnknownFault for a name that is none, or that ends nobody."""
    names = [each.name for each in signal.Signals]
    if given["signal"] not in names:
        raise UnknownFault(f"process_kill: there is no signal {given['signal']!r}; {near(given['signal'], names)}")
    if given["signal"] in FREEZING:
        raise UnknownFault(f"process_kill: {given['signal']} ends nobody; process_pause freezes, and is undone")
    shop.kill(target, given["signal"])


FAULT = Fault(
    name="process_kill",
    kinds=ANYTHING,
    sees="connections are reset, new ones refused at once",
    teaches="fail-over to the other replicas; what work in flight is worth",
    parameters={"signal": Parameter("SIGKILL", "", "the signal to send")},
    apply=apply,
    undo=lambda shop, target: shop.start(target),
)
