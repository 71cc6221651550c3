"""The two Postgres servers, by what they are at the moment: roles move."""

from typing import Literal

from labs.shop import Shop

SYNCHRONOUS = "select state from pg_stat_replication where sync_state = 'sync' and state = 'streaming'"
PLACED = "select count(*) as orders from orders.orders where placed_at > to_timestamp({since})"


def server(shop: Shop, role: Literal["primary", "replica"]) -> str:
    """Who has the role. Raises LookupError when nobody says so."""
    for component in shop.status():
        if component.get("role") == role:
            return str(component["name"])
    raise LookupError(f"no server says that it is the {role}")


def synchronous(shop: Shop) -> bool:
    """Whether commits wait for the replica at the moment."""
    return bool(shop.rows(SYNCHRONOUS))


def placed(shop: Shop, since: float) -> int:
    """How many orders there are since a moment, in seconds since 1970."""
    return int(shop.rows(PLACED.format(since=since))[0]["orders"])
