"""All labs there are."""

from collections.abc import Sequence
from difflib import get_close_matches

from labs.caching import cache_aside, cache_node_loss, cache_stampede, cache_warming, slow_cache
from labs.flash_sale import hot_item, kept_promises, overselling, waiting_room
from labs.lab import Lab
from labs.load_balancing import balancing_policies, health_checks, sticky_sessions
from labs.queueing import async_checkout, backpressure, broker_crash, poison_message, queue_backlog, redelivery
from labs.replication import cart_merge, failover, replica_lag, restore_drill, sync_replication
from labs.resilience import (
    bulkhead,
    circuit_breaker,
    graceful_degradation,
    idempotency,
    kill_switch,
    load_shedding,
    rate_limits,
    retry_storm,
)

COURSE: Sequence[Lab] = (
    balancing_policies.LAB,
    health_checks.LAB,
    sticky_sessions.LAB,
    cache_aside.LAB,
    cache_stampede.LAB,
    cache_warming.LAB,
    cache_node_loss.LAB,
    slow_cache.LAB,
    replica_lag.LAB,
    failover.LAB,
    sync_replication.LAB,
    cart_merge.LAB,
    restore_drill.LAB,
    queue_backlog.LAB,
    async_checkout.LAB,
    backpressure.LAB,
    poison_message.LAB,
    redelivery.LAB,
    broker_crash.LAB,
    circuit_breaker.LAB,
    retry_storm.LAB,
    bulkhead.LAB,
    graceful_degradation.LAB,
    idempotency.LAB,
    load_shedding.LAB,
    rate_limits.LAB,
    kill_switch.LAB,
    overselling.LAB,
    hot_item.LAB,
    kept_promises.LAB,
    waiting_room.LAB,
)


class NoSuchLab(Exception):
    """The message names the near ones."""

    unknown = True


def all_labs() -> Sequence[Lab]:
    """In the order of the course."""
    return COURSE


def lab_named(slug: str) -> Lab:
    """Raises `NoSuchLab`."""
    labs = {lab.slug: lab for lab in all_labs()}
    if slug not in labs:
        near = get_close_matches(slug, labs, cutoff=0.4) or list(labs)
        raise NoSuchLab(f"there is no lab {slug!r}; did you mean {' or '.join(near)}?")
    return labs[slug]


def overview() -> list[dict[str, str | int]]:
    """What `labs --json` prints."""
    return [
        {
            "slug": lab.slug,
            "topic": lab.topic,
            "title": lab.title,
            "question": lab.question,
            "minutes": lab.minutes,
        }
        for lab in all_labs()
    ]
