"""What became of orders that buyers saw confirmed, and how long nobody's was."""

import itertools
from collections.abc import Sequence

from labs.load import LoadResult
from labs.shop import Shop


def lost(shop: Shop, load: LoadResult) -> int:
    """How many orders of a load were confirmed to a buyer and are not there."""
    if not load.confirmed:
        return 0
    ids = ", ".join(f"'{order}'" for order in load.confirmed)
    return len(load.confirmed) - len(shop.rows(f"select order_id from orders.orders where order_id in ({ids})"))


def confirmed_s(load: LoadResult) -> Sequence[float]:
    """When orders were confirmed, in seconds after the load's beginning, in order."""
    return sorted(sample.done_s for sample in load.samples if sample.outcome == "ok" and sample.done_s is not None)


def confirmed_between(load: LoadResult, begin: float, end: float) -> int:
    """How many orders were confirmed between two moments, in seconds since 1970."""
    return sum(begin < load.started_at + at <= end for at in confirmed_s(load))


def outage_s(load: LoadResult, struck: float) -> float:
    """The longest time without a confirmed order from a moment (seconds since 1970) to the load's end."""
    begin_s = struck - load.started_at
    moments = [begin_s, *(at for at in confirmed_s(load) if at > begin_s), max(load.duration_s, begin_s)]
    return max(later - earlier for earlier, later in itertools.pairwise(moments))
