"""What the labs about queues look at: orders whose parcel is not packed yet, and how late each parcel was."""

from collections.abc import Sequence

from labs.engine.bench import Bench
from labs.shop import Shop

Points = Sequence[tuple[float, float]]

WAITING = "select count(*) as orders from orders.orders where status = 'confirmed'"
DELAYS = """
select extract(epoch from placed_at)::float8 as placed, extract(epoch from packed_at - placed_at)::float8 as delay
from orders.orders join fulfilment.shipments using (order_id)
where placed_at >= to_timestamp({since}) order by placed_at
"""


def waiting(shop: Shop) -> float:
    """How many orders are confirmed but not shipped: the backlog, in the queue and in the packers' hands together."""
    return float(shop.rows(WAITING)[0]["orders"])


def all_packed(bench: Bench, timeout_s: float = 30.0) -> None:
    """Wait until every parcel is packed."""
    bench.wait_until(lambda: waiting(bench.shop) == 0, "every parcel is packed", timeout_s)


def delays(shop: Shop, since: float) -> Points:
    """For every parcel of an order placed at or after `since` (seconds since 1970): when placed, how late packed."""
    return [(row["placed"], row["delay"]) for row in shop.rows(DELAYS.format(since=since))]


def between(points: Points, begin: float, end: float) -> list[float]:
    """The values of a series within an interval of its times."""
    return [value for at, value in points if begin <= at <= end]
