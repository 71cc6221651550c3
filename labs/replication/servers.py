"""The two Postgres servers, by what they are at the moment: roles move."""

import time
from typing import Literal

from labs.shop import Shop

SAYS_WITHIN_S = 5.0
SYNCHRONOUS = "select state from pg_stat_replication where sync_state = 'sync' and state = 'streaming'"
PLACED = "select count(*) as orders from orders.orders where placed_at > to_timestamp({since})"


def server(shop: Shop, role: Literal["primary", "replica"]) -> str:
    """Who has the role. Raises LookupError when nobody says so within five seconds."""
    deadline = time.monotonic() + SAYS_WITHIN_S
    while not (found := with_role(shop, role)):
        if time.monotonic() > deadline:
            raise LookupError(f"no server says that it is the {role}")
        time.sleep(0.1)
    return found[0]


def with_role(shop: Shop, role: str) -> list[str]:
    """All that say so at the moment; one that is busy may say nothing."""
    return [str(component["name"]) for component in shop.status() if component.get("role") == role]


def synchronous(shop: Shop) -> bool:
    """Whether commits wait for the replica at the moment."""
    return bool(shop.rows(SYNCHRONOUS))


def placed(shop: Shop, since: float) -> int:
    """How many orders there are since a moment, in seconds since 1970."""
    return int(shop.rows(PLACED.format(since=since))[0]["orders"])
