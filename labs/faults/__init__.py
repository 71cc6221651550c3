"""Ways to break the shop: one fault a file, each with its undo. `all_faults()` is the catalogue."""

from collections.abc import Mapping, Sequence

from labs.faults import (
    bandwidth,
    broker_disk_alarm,
    broker_memory_alarm,
    cache_down,
    cache_evict,
    cache_flush,
    cache_slow,
    consumer_pause,
    consumer_slow,
    cpu_limit,
    cpu_stress,
    crash_before_ack,
    db_conn_exhaust,
    db_lock,
    disk_fill,
    down,
    hot_key,
    http_abort,
    http_delay,
    latency,
    lb_backend_down,
    lb_policy,
    limit_data,
    load_spike,
    partition,
    poison_message,
    primary_kill,
    process_kill,
    process_pause,
    process_stop,
    queue_limit,
    replay_pause,
    replica_stop,
    replication_lag,
    reset_peer,
    restart,
    slicer,
    slow_close,
    table_drop,
    timeout,
)
from labs.faults.fault import Fault, UnknownFault, near

TOPICS: Mapping[str, Sequence[Fault]] = {
    "processes": (process_kill.FAULT, process_stop.FAULT, process_pause.FAULT, restart.FAULT),
    "load and resources": (load_spike.FAULT, hot_key.FAULT, cpu_stress.FAULT, cpu_limit.FAULT, disk_fill.FAULT),
    "replicas and the balancer": (http_delay.FAULT, http_abort.FAULT, lb_backend_down.FAULT, lb_policy.FAULT),
    "Postgres": (
        replication_lag.FAULT,
        replay_pause.FAULT,
        replica_stop.FAULT,
        primary_kill.FAULT,
        db_conn_exhaust.FAULT,
        db_lock.FAULT,
        table_drop.FAULT,
    ),
    "Memcached": (cache_flush.FAULT, cache_evict.FAULT, cache_down.FAULT, cache_slow.FAULT),
    "RabbitMQ and its consumers": (
        consumer_pause.FAULT,
        crash_before_ack.FAULT,
        consumer_slow.FAULT,
        poison_message.FAULT,
        queue_limit.FAULT,
        broker_memory_alarm.FAULT,
        broker_disk_alarm.FAULT,
    ),
    "the network": (
        latency.FAULT,
        down.FAULT,
        bandwidth.FAULT,
        slow_close.FAULT,
        timeout.FAULT,
        reset_peer.FAULT,
        slicer.FAULT,
        limit_data.FAULT,
        partition.FAULT,
    ),
}
CATALOGUE = {fault.name: fault for topic in TOPICS.values() for fault in topic}


def all_faults() -> Sequence[Fault]:
    """Every fault there is."""
    return list(CATALOGUE.values())


def find(name: str) -> Fault:
    """A fault by its name. Raises UnknownFault naming the near ones."""
    if name not in CATALOGUE:
        raise UnknownFault(f"there is no fault {name!r}; {near(name, list(CATALOGUE))}")
    return CATALOGUE[name]
