"""What the labs about caches count: lookups and loads of the catalogue, and what goes on in the database behind it."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from labs.engine.bench import Bench
from labs.lab import LoadPlan, Seen
from labs.load import LoadResult
from labs.shop import Shop

NODES = ("memcached-1", "memcached-2", "memcached-3")
DATABASES = ("postgres-1", "postgres-2")
PRODUCTS = 200
UNDER_WAY = "select count(*) as n from pg_stat_activity where usename = 'catalog' and state = 'active'"


class Counts(NamedTuple):
    """How often the cache had it, had it not, how often the database was asked, and how often a cache node failed."""

    hits: float
    misses: float
    loads: float
    errors: float


def counts(shop: Shop) -> Counts:
    """All replicas of the catalogue together, since they started."""
    found = shop.metrics("catalog")
    return Counts(
        hits=found.get('shop_cache_lookups_total{cache="catalog",result="hit"}', 0),
        misses=found.get('shop_cache_lookups_total{cache="catalog",result="miss"}', 0),
        loads=found.get('shop_cache_loads_total{cache="catalog"}', 0),
        errors=found.get('shop_cache_lookups_total{cache="catalog",result="error"}', 0),
    )


def counted_load(shop: Bench, phase: str, plan: LoadPlan | None = None) -> None:
    """Load, and note as `<phase>_hits`, `_misses`, `_loads` and `_errors` what came of it."""
    before = counts(shop.shop)
    shop.load(phase, plan)
    for name, now, then in zip(Counts._fields, counts(shop.shop), before, strict=True):
        shop.note(f"{phase}_{name}", now - then)


def under_way(shop: Shop) -> float:
    """How many queries of the catalogue Postgres has in hand at this moment, on all its nodes."""
    return sum(float(shop.rows(UNDER_WAY, node)[0]["n"]) for node in DATABASES)


def flush(shop: Bench, *nodes: str) -> None:
    """Empty these cache nodes, or all of them. A flush is over at once; there is nothing to undo."""
    for node in nodes or NODES:
        shop.fault("cache_flush", node)
    shop.heal()


def missed(load: LoadResult, origin_ms: float) -> int:
    """Who waited as long as the database takes: a shopper can tell a miss from a hit."""
    return sum((sample.latency_ms or 0.0) >= origin_ms for sample in load.waited_for)


def while_loaded(seen: Seen, series: str, load: LoadResult) -> float:
    """The mean of what was watched from the first request to the last one, the generator's own start left out."""
    end = load.started_at + load.duration_s
    values = [value for at, value in seen.series.get(series, ()) if load.started_at <= at <= end]
    return fmean(values) if values else 0.0


def grown(points: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """By how much a counter that was watched has grown between two moments; a straight line between two looks."""
    return _at(points, end) - _at(points, begin)


def _at(points: Sequence[tuple[float, float]], moment: float) -> float:
    """The counter at a moment; before the first look and after the last it stands still."""
    before = max((point for point in points if point[0] <= moment), default=points[0])
    after = min((point for point in points if point[0] >= moment), default=points[-1])
    if after[0] <= before[0]:
        return before[1]
    return before[1] + (after[1] - before[1]) * (moment - before[0]) / (after[0] - before[0])
