"""The process is there but silent: its sockets accept, nothing answers, callers hang until their own timeout."""

from labs.faults.fault import Fault
from labs.faults.patient import Patient
from labs.faults.targets import ANYTHING


def undo(shop: Patient, target: str) -> None:
    """Let it go on, and wait until it answers. One that has ended since stays as it is: that is another fault's."""
    shop.resume(target)
    shop.start(target)


FAULT = Fault(
    name="process_pause",
    kinds=ANYTHING,
    sees="connections succeed, answers never come",
    teaches="slow is worse than down; a health check that only connects sees nothing",
    apply=lambda shop, target, _given: shop.pause(target),
    undo=undo,
)
