"""Ways to break the shop: one fault a file, each with its undo. `all_faults()` is the catalogue."""

from labs.faults import (
    broker_disk_alarm,
    broker_memory_alarm,
    cache_evict,
    cache_flush,
    consumer_pause,
    db_conn_exhaust,
    db_lock,
    http_abort,
    http_delay,
    poison_message,
    primary_kill,
    process_kill,
    process_pause,
    process_stop,
    queue_limit,
    replay_pause,
    replica_stop,
    replication_lag,
    restart,
)
from labs.faults.fault import Fault, UnknownFault, near

CATALOGUE: tuple[Fault, ...] = (
    process_kill.FAULT,
    process_stop.FAULT,
    process_pause.FAULT,
    restart.FAULT,
    http_delay.FAULT,
    http_abort.FAULT,
    replication_lag.FAULT,
    replay_pause.FAULT,
    replica_stop.FAULT,
    primary_kill.FAULT,
    db_conn_exhaust.FAULT,
    db_lock.FAULT,
    cache_flush.FAULT,
    cache_evict.FAULT,
    consumer_pause.FAULT,
    poison_message.FAULT,
    queue_limit.FAULT,
    broker_memory_alarm.FAULT,
    broker_disk_alarm.FAULT,
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
