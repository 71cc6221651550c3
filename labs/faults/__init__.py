"""Ways to break the shop: one fault a file, each with its undo. `all_faults()` is the catalogue."""

from labs.faults import http_abort, http_delay, process_kill, process_pause, process_stop, restart
from labs.faults.fault import Fault, UnknownFault, near

CATALOGUE: tuple[Fault, ...] = (
    process_kill.FAULT,
    process_stop.FAULT,
    process_pause.FAULT,
    restart.FAULT,
    http_delay.FAULT,
    http_abort.FAULT,
)


def all_faults() -> tuple[Fault, ...]:
    """Every fault there is."""
    return CATALOGUE


def find(name: str) -> Fault:
    """A fault by its name. Raises UnknownFault naming the near ones."""
    for fault in CATALOGUE:
        if fault.name == name:
            return fault
    raise UnknownFault(f"there is no fault {name!r}; {near(name, [fault.name for fault in CATALOGUE])}")
