"""A cache in front of the database: emptied under load, with a short time to live, and gone. What is it worth?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from labs import formulas, plots, probes
from labs.caching.cache_aside_text import TEACHING
from labs.caching.counting import NODES, PRODUCTS, counted_load, flush, missed, under_way, while_loaded
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.warming import warm

RATE = 50.0
ORIGIN_MS = 60.0
SHORT_TTL_S = 2.0
LIFE_S = SHORT_TTL_S - 0.5
"""Memcached's clock ticks once a second: an entry lives half a second less than it was given, on the mean."""
SHARES = formulas.popularity(PRODUCTS)
PHASES = {"cold": "just emptied", "filled": "filling up", "short": "2 s to live", "gone": "cache gone"}
FILL_S = 5
PLAN = LoadPlan(mix="products", rate=RATE, seconds=FILL_S, quick_seconds=FILL_S, warm_up_s=0)


def a_dear_database(shop: Bench) -> None:
    """Make every read of the database 60 ms dearer, as if it were large and busy, and fill the cache."""
    warm(shop.shop.url)
    shop.flag("catalog.early_refresh", False)
    shop.flag("catalog.origin_ms", ORIGIN_MS)


def emptied(shop: Bench) -> None:
    """Empty the cache, and send shoppers: it must fill by itself."""
    flush(shop)
    observed(shop, "cold", PLAN)


def filled(shop: Bench) -> None:
    """Go on: other shoppers, the same cache."""
    observed(shop, "filled", replace(PLAN, seed=1))


def short_lived(shop: Bench) -> None:
    """Turn one knob: entries live for 2 s, no longer for 60. Measured once the old ones are gone."""
    shop.flag("catalog.ttl_s", SHORT_TTL_S)
    flush(shop)
    shop.load("settling", replace(PLAN, seconds=2.5, quick_seconds=2.5, seed=2))
    observed(shop, "short", replace(PLAN, seconds=12, seed=3))


def without(shop: Bench) -> None:
    """Take all cache nodes away."""
    for node in NODES:
        shop.fault("process_kill", node)
    observed(shop, "gone", replace(PLAN, seconds=12, quick_seconds=4, seed=4))


def observed(shop: Bench, phase: str, plan: LoadPlan) -> None:
    """Load, count, and look into Postgres meanwhile."""
    with shop.watching(f"{phase}_under_way", under_way, every_s=0.2):
        counted_load(shop, phase, plan)


def measure(seen: Seen) -> Numbers:
    """`_hit` from 0 to 1, `_loads_per_s` at the database, `_under_way` queries there at once, `_failed`, `_ms`."""
    numbers = {"normal_ms": seen["steady_before"].latency.percentile(50)}
    for phase in PHASES:
        numbers |= {f"{phase}_{name}": value for name, value in _phase(seen, phase).items()}
    load = seen["cold"]
    first, last = load.select(until_s=1.0), load.select(since_s=load.duration_s - 2.0)
    return numbers | {
        "seconds": load.duration_s,
        "first_misses_per_s": float(missed(first, ORIGIN_MS)),
        "last_misses_per_s": missed(last, ORIGIN_MS) / 2,
    }


def _phase(seen: Seen, phase: str) -> dict[str, float]:
    load = seen[phase]
    hits, misses, loads = (seen.facts[f"{phase}_{name}"] for name in ("hits", "misses", "loads"))
    hit = hits / max(hits + misses, 1)
    return {
        "hit": hit,
        "hit_percent": 100 * hit,
        "loads": loads,
        "loads_per_s": loads / load.duration_s,
        "under_way": while_loaded(seen, f"{phase}_under_way", load),
        "failed": load.completed - load.outcomes["ok"],
        "p50_ms": load.latency.percentile(50),
        "p99_ms": load.latency.percentile(99),
    }


def findings(n: Numbers) -> list[Finding]:
    """Ratios inside one run. With the cache neither emptied nor taken away the database would be asked for nothing: the
    loads show that it was emptied, the hit ratio that it was gone.
    """
    expected = formulas.database_load(RATE, n["gone_hit"])
    least = 0.75 * formulas.cold_loads(RATE, SHARES, n["seconds"])
    gone = n["gone_hit"] <= 0.05
    return [
        Finding(
            claim="Emptied, the cache misses most at first and fills by itself: each thing is loaded once",
            holds=n["cold_loads"] >= least and n["first_misses_per_s"] >= max(0.3 * RATE, 1.7 * n["last_misses_per_s"]),
            measured=f"{n['first_misses_per_s']:.0f} misses in the first second, {n['last_misses_per_s']:.0f} a second "
            f"in the last two, {n['cold_loads']:.0f} loads in all",
            expected=f"{0.3 * RATE:.0f} or more, and at least 1.7 times as many as at the end; {least:.0f} loads or "
            "more",
        ),
        Finding(
            claim="Without the cache the database gets every request: λ · (1 - h) with h = 0",
            holds=gone and 0.7 * expected <= n["gone_loads_per_s"] <= 1.3 * expected,
            measured=f"hit ratio {n['gone_hit']:.0%}, {n['gone_loads_per_s']:.0f} loads/s at {RATE:.0f} requests/s",
            expected=f"hit ratio at most 5 %; {expected:.0f} loads/s, give or take 30 %",
        ),
        Finding(
            claim="Even a cache that has only begun to fill takes two thirds of that load away, or more",
            holds=gone
            and n["gone_loads_per_s"] >= 0.7 * RATE
            and n["filled_loads_per_s"] <= 0.35 * n["gone_loads_per_s"],
            measured=f"{n['filled_loads_per_s']:.1f} against {n['gone_loads_per_s']:.1f} loads/s",
            expected=f"at most 0.35 of it, which is {0.7 * RATE:.0f} or more, with a hit ratio of at most 5 %",
        ),
        Finding(
            claim="The median shopper does not wait for the database with the cache, and does without",
            holds=gone and n["gone_p50_ms"] >= ORIGIN_MS and n["filled_p50_ms"] <= 0.5 * ORIGIN_MS,
            measured=f"p50 {n['filled_p50_ms']:.0f} ms with, {n['gone_p50_ms']:.0f} ms without",
            expected=f"at most {0.5 * ORIGIN_MS:.0f} ms with, at least {ORIGIN_MS:.0f} ms without, where the hit "
            "ratio is at most 5 %",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Hit ratio by popularity alone; then what it makes of the database's load, and of the queries under way."""
    t, s = n["seconds"], ORIGIN_MS / 1000
    cold, both = formulas.cold_loads(RATE, SHARES, t), formulas.cold_loads(RATE, SHARES, 2 * t)
    ratios = {
        "cold": ("1 - distinct things / requests", 1 - cold / (RATE * t), None),
        "filled": ("1 - new things / requests", 1 - (both - cold) / (RATE * t), "filled_hit"),
        "short": ("Σ p · λpT / (1 + λpT)", formulas.ttl_hit_ratio(RATE, SHARES, LIFE_S), None),
        "gone": ("0", 0.0, None),
    }
    found = [
        Row(what=f"{PHASES[phase]}: hit ratio", unit="%", formula=formula, expected=100 * ratio,
            measured=n[f"{phase}_hit_percent"], question=question)
        for phase, (formula, ratio, question) in ratios.items()
    ]  # fmt: skip
    for phase, name in PHASES.items():
        load = formulas.database_load(RATE, n[f"{phase}_hit"])
        found += [
            Row(what=f"{name}: database load", unit="loads/s", formula="λ · (1 - h)", expected=load,
                measured=n[f"{phase}_loads_per_s"], question="gone_load" if phase == "gone" else None),
            Row(what=f"{name}: queries under way in Postgres", unit="queries", formula="L = λ · (1 - h) · s",
                expected=formulas.in_flight(load, s), measured=n[f"{phase}_under_way"]),
        ]  # fmt: skip
    return found


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """How the cache fills, what the database gets, what shoppers wait."""
    t, names = n["seconds"], list(PHASES.values())
    halves = [half / 2 for half in range(int(2 * t))]
    filling = [(at + 0.25, _hit_percent(seen, "cold", at)) for at in halves]
    filling += [(t + at + 0.25, _hit_percent(seen, "filled", at)) for at in halves]
    formula = [(at, 100 * formulas.cold_hit_ratio(RATE, SHARES, at)) for at, _ in filling]
    curves = {"measured": filling, "formula": formula}
    load = [row for row in rows(n) if row.unit == "loads/s"]
    bars = {"arithmetic": [row.expected for row in load], "measured": [row.measured for row in load]}
    waits = {f"p{p}": [n[f"{phase}_p{p}_ms"] for phase in PHASES] for p in (50, 99)}
    return {
        "filling": plots.curves("After the flush, the cache fills", "hit ratio (%)", curves),
        "load": plots.bars("What the database gets", "loads per second", names, bars, digits=1),
        "latency": plots.bars("What shoppers waited", "latency (ms)", names, waits),
    }  # fmt: skip


def _hit_percent(seen: Seen, phase: str, at_s: float) -> float:
    """In half a second of a load: who is answered faster than the database can was answered by the cache."""
    part = seen[phase].select(since_s=at_s, until_s=at_s + 0.5)
    return 100 * (1 - missed(part, ORIGIN_MS) / max(part.offered, 1))


def _left(hit: float) -> str:
    return "next to nothing" if hit < 0.2 else "about half of it" if hit < 0.7 else "nearly all of it"


LAB = Lab(
    slug="cache-aside",
    topic="caching",
    title="Cache-aside, and what it is worth",
    minutes=25,
    question="The cache is emptied under load, then lost. What reaches the database, and what do shoppers notice?",
    goal="what load a database must bear behind a cache: λ · (1 - h), and where h comes from: popularity and time.",
    map="""\
shoppers ──► gateway ──► catalog ──┬── looks first ──► memcached-1, -2, -3   ◄── emptied, then killed
                                   └── what is not there ──► Postgres, 60 ms a read""",
    predictions=(
        Number(
            id="filled_hit",
            text=f"{PRODUCTS} products, Zipf popularity, {RATE:g} requests/s. From {FILL_S} to "
            f"{2 * FILL_S} s after the cache was emptied: which share of requests does it answer?",
            unit="%",
            low=0,
            high=100,
            measured="filled_hit_percent",
            factor=1.2,
        ),
        Choice(
            id="short_hit",
            text="Entries live for 2 s, not for 60: what is left of the hit ratio?",
            options=("next to nothing", "about half of it", "nearly all of it"),
            answer=lambda n: _left(n["short_hit"]),
        ),
        Number(
            id="gone_load",
            text="The cache is gone: how many loads per second does the database get?",
            unit="loads/s",
            low=0,
            high=200,
            measured="gone_loads_per_s",
            factor=1.3,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), probes.invariants()),
    steady_load=LoadPlan(mix="products", rate=RATE, seconds=10, quick_seconds=3),
    load=PLAN,
    prepare=(a_dear_database,),
    method=(emptied, filled, short_lived, without),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=90, generator_lag_p99_ms=ORIGIN_MS / 2),
)
