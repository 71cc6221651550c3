"""The doors open: on a cold cache, on one that has the most wanted, on a warm one. What do the first seconds cost?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labs import formulas, plots, probes
from labs.caching.cache_warming_text import TEACHING
from labs.caching.counting import PRODUCTS, counts, flush, grown
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.shop import Shop
from labs.warming import warm

RATE = 80.0
LOAD_S = 0.25
LOAD_MS = 1000 * LOAD_S
CONNECTIONS = 8
TOP = 40
FIRST_S = 2.0
SHARES = formulas.popularity(PRODUCTS)
COLD = {"cold": SHARES, "top": SHARES[TOP:], "warm": SHARES[PRODUCTS:]}
"""The popularity of what is not in the cache when the doors open."""
PHASES = {"cold": "cold", "top": f"top {TOP} warmed", "warm": "all warmed"}
PLAN = LoadPlan(mix="products", rate=RATE, seconds=15, quick_seconds=5, warm_up_s=0)


def warmed_once(shop: Bench) -> None:
    """Fill the cache: so it is on every ordinary day."""
    warm(shop.shop.url)


def cold(shop: Bench) -> None:
    """The cache is emptied, as by last night's deployment. Then the doors open."""
    flush(shop)
    doors_open(shop, "cold")


def top(shop: Bench) -> None:
    """Emptied, then the most wanted fifth of all products is read once. Then the doors open."""
    flush(shop)
    warmed_up(shop, "top", TOP)
    doors_open(shop, "top")


def everything(shop: Bench) -> None:
    """Emptied, then every product is read once. Then the doors open."""
    flush(shop)
    warmed_up(shop, "warm", None)
    doors_open(shop, "warm")


def warmed_up(shop: Bench, phase: str, top: int | None) -> None:
    """`./shoplab warm`, while the database is quiet and quick."""
    warmed = warm(shop.shop.url, top)
    shop.note(f"{phase}_read", warmed.products)
    shop.note(f"{phase}_read_s", warmed.seconds)


def doors_open(shop: Bench, phase: str) -> None:
    """Reads of the database take 250 ms from now on, for the whole shop is busy; and everybody comes at once."""
    shop.flag("catalog.origin_ms", LOAD_MS)
    with shop.watching(f"{phase}_loads", loads, every_s=0.2):
        shop.load(phase, replace(PLAN, seed=list(PHASES).index(phase)))
    shop.flag("catalog.origin_ms", "default")


def loads(shop: Shop) -> float:
    return counts(shop).loads


def measure(seen: Seen) -> Numbers:
    """`_loads` of the database; `_first` means the first two seconds; `_ms`; `_wait_s` all waiting added up."""
    numbers = {name: seen.facts[name] for name in ("top_read", "top_read_s", "warm_read", "warm_read_s")}
    for phase in PHASES:
        load = seen[phase]
        first, begin, points = load.select(until_s=FIRST_S), load.started_at, seen.series[f"{phase}_loads"]
        numbers |= {
            f"{phase}_loads": grown(points, begin, begin + load.duration_s),
            f"{phase}_first_loads": grown(points, begin, begin + FIRST_S),
            f"{phase}_first_p50_ms": first.latency.percentile(50),
            f"{phase}_first_p99_ms": first.latency.percentile(99),
            f"{phase}_wait_s": sum(sample.latency_ms or 0.0 for sample in load.waited_for) / 1000,
        }
    return numbers | {"seconds": seen["cold"].duration_s}


def findings(n: Numbers) -> list[Finding]:
    """Counts and ratios inside one run. Where nothing was emptied nothing is loaded, and no warming saves anything: so
    each asks that the cold cache was, by all that had to be loaded.
    """
    least = 0.75 * formulas.cold_loads(RATE, SHARES, n["seconds"])
    emptied = n["cold_loads"] >= least
    crowded = emptied and n["cold_first_loads"] >= 25
    return [
        Finding(
            claim="Cold, the first two seconds are the database's: it loads without a pause",
            holds=crowded and n["cold_first_loads"] >= 0.4 * capacity(FIRST_S),
            measured=f"{n['cold_first_loads']:.0f} loads in the first {FIRST_S:g} s",
            expected=f"up to {capacity(FIRST_S):.0f}, all that {CONNECTIONS} connections can; accepted: 25 or more, "
            f"and 0.4 of that; {least:.0f} or more until the end",
        ),
        Finding(
            claim="Warmed, the same crowd costs next to no load",
            holds=crowded and n["warm_loads"] <= 0.15 * n["cold_loads"],
            measured=f"{n['warm_loads']:.0f} loads instead of {n['cold_loads']:.0f}",
            expected=f"at most 0.15 of it, which is {least:.0f} or more",
        ),
        Finding(
            claim="To warm the most wanted fifth spares some of the first loads, not the two thirds that one expects",
            holds=crowded and 0.4 <= n["top_first_loads"] / n["cold_first_loads"] <= 0.9,
            measured=f"{n['top_first_loads']:.0f} instead of {n['cold_first_loads']:.0f} in the first {FIRST_S:g} s",
            expected="0.4 to 0.9 of it",
        ),
        Finding(
            claim="p99 of the first two seconds is longer than one load when cold, that of an ordinary day when warm",
            holds=emptied
            and n["cold_first_p99_ms"] >= 1.2 * LOAD_MS
            and n["warm_first_p99_ms"] <= 0.5 * n["cold_first_p99_ms"],
            measured=f"{n['cold_first_p99_ms']:.0f} ms cold, {n['top_first_p99_ms']:.0f} with the top {TOP}, "
            f"{n['warm_first_p99_ms']:.0f} ms warm",
            expected=f"cold at least {1.2 * LOAD_MS:.0f} ms, warm at most half of cold, which had {least:.0f} loads or "
            "more",
        ),
        Finding(
            claim="All waiting added up is several times as long when cold",
            holds=crowded and n["cold_wait_s"] >= 3 * n["warm_wait_s"],
            measured=f"{n['cold_wait_s']:.1f} s against {n['warm_wait_s']:.1f} s",
            expected="at least 3 times",
        ),
    ]


def capacity(seconds: float) -> float:
    """How many loads all connections together can begin in that time."""
    return CONNECTIONS * (seconds / LOAD_S + 1)


def rows(n: Numbers) -> list[Row]:
    """Each thing that is not there is loaded once, when it is asked for first."""
    return [row for phase in PHASES for row in _rows(n, phase)]


def _rows(n: Numbers, phase: str) -> list[Row]:
    name, shares, t = PHASES[phase], COLD[phase], n["seconds"]
    asked = {"cold": "cold_first", "top": "top_first"}.get(phase)
    first = min(formulas.cold_loads(RATE, shares, FIRST_S), capacity(FIRST_S))
    return [
        Row(what=f"{name}: loads in the first {FIRST_S:g} s", unit="loads", formula="Σ (1 - e^(-λpt)) or c·(t/s + 1)",
            expected=first, measured=n[f"{phase}_first_loads"], question=asked),
        Row(what=f"{name}: loads in {t:g} s", unit="loads", formula="Σ (1 - e^(-λpt))",
            expected=formulas.cold_loads(RATE, shares, t), measured=n[f"{phase}_loads"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What the database got, second by second, and what the first shoppers waited."""
    course = {name: since_the_doors(seen, phase) for phase, name in PHASES.items()}
    waits = {f"p{p}": [n[f"{phase}_first_p{p}_ms"] for phase in PHASES] for p in (50, 99)}
    names = list(PHASES.values())
    first = [row for row in rows(n) if "first" in row.what]
    bars = {"arithmetic": [row.expected for row in first], "measured": [row.measured for row in first]}
    return {
        "course": plots.curves("After the doors open: loads of the database, added up", "loads", course),
        "first": plots.bars(f"In the first {FIRST_S:g} seconds", "loads of the database", names, bars),
        "latency": plots.bars(f"What shoppers waited in the first {FIRST_S:g} seconds", "latency (ms)", names, waits),
    }


def since_the_doors(seen: Seen, phase: str) -> Sequence[tuple[float, float]]:
    """Seconds since the first request, and loads since then."""
    load, points = seen[phase], seen.series[f"{phase}_loads"]
    end = load.started_at + load.duration_s
    inside = [(at, value) for at, value in points if load.started_at <= at <= end]
    return [(at - load.started_at, grown(points, load.started_at, at)) for at, _ in inside]


def _hits_wait(n: Numbers) -> str:
    return "yes" if n["cold_first_p50_ms"] >= 3 * n["warm_first_p50_ms"] else "no"


LAB = Lab(
    slug="cache-warming",
    topic="caching",
    title="Warming before the doors open",
    minutes=20,
    question="The sale's doors open on a cold cache. What do the first seconds cost, and what does warming spare?",
    goal="what a cold cache costs in the first seconds, and how much of it is spared by warming the most wanted.",
    map="""\
00:00  80 shoppers a second, at once ──► gateway ──► catalog ──┬──► cache   ◄── emptied in the night; warmed?
                                                               └──► Postgres, 250 ms a load, 8 connections""",
    predictions=(
        Number(
            id="cold_first",
            text=f"{RATE:g} requests/s for {PRODUCTS} products, Zipf popularity, cache cold: how many loads in the "
            f"first {FIRST_S:g} s?",
            unit="loads",
            low=0,
            high=200,
            measured="cold_first_loads",
            factor=1.4,
        ),
        Number(
            id="top_first",
            text=f"The top {TOP} of the {PRODUCTS} products are warmed; two thirds of all requests are about them. How "
            f"many loads in the first {FIRST_S:g} s now?",
            unit="loads",
            low=0,
            high=200,
            measured="top_first_loads",
            factor=1.4,
        ),
        Choice(
            id="hits_wait",
            text=f"Cold, in the first {FIRST_S:g} s: does the median shopper notice?",
            options=("yes", "no"),
            answer=_hits_wait,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), probes.invariants()),
    steady_load=LoadPlan(mix="products", rate=RATE, seconds=10, quick_seconds=3),
    load=PLAN,
    prepare=(warmed_once,),
    method=(cold, top, everything),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=150, generator_lag_p99_ms=LOAD_MS / 4),
)
