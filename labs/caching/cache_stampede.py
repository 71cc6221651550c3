"""What is hot vanishes from the cache under load. Who goes to the database, and who waits?"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labs import formulas, plots, probes
from labs.caching.cache_stampede_text import TEACHING
from labs.caching.counting import NODES, counts, flush, missed, under_way
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.shop import Shop
from labs.warming import warm

RATE = 60.0
LOAD_S = 0.25
LOAD_MS = 1000 * LOAD_S
THREADS, CONNECTIONS = 16, 8
"""Of both catalog replicas together: requests worked on at once, and connections for reading."""
ROUNDS = 3
TTL_S, SHORT_TTL_S, JITTER, WINDOW_S = 60, 3, 0.2, 3
HOT = "tea-001"
HOT_ENTRY = f"catalog:product:{HOT}"
PLAN = LoadPlan(mix=f"hot_key:{HOT}:100", rate=RATE, seconds=14, quick_seconds=7)
LONGER = replace(PLAN, quick_seconds=9)  # a slow machine, too, drops the last entry before the last shopper has come
WINDOWS = range(TTL_S + 1 - 5 * WINDOW_S, TTL_S + 1, WINDOW_S)
KEPT = {"in_step": "in step", "jitter": "jitter"}
PHASES = {"naive": "naive", "single": "single flight", "expiring": "it expires", "early": "early refresh"}


def naive(shop: Bench) -> None:
    """Without any protection: everybody wants one product, its entry is dropped three times."""
    warm(shop.shop.url)
    shop.flag("catalog.origin_ms", LOAD_MS)
    shop.flag("catalog.single_flight", False)
    dropped_under_load(shop, "naive")


def single_flight(shop: Bench) -> None:
    """Turn one knob, single flight: of all who miss the same thing at once, one loads it. The same again."""
    shop.flag("catalog.single_flight", True)
    dropped_under_load(shop, "single")


def in_step(shop: Bench) -> None:
    """Without jitter: empty the cache, load all products at once, and look when they will expire."""
    shop.flag("catalog.origin_ms", "default")
    shop.flag("catalog.ttl_jitter", False)
    loaded_together(shop, "in_step")


def spread(shop: Bench) -> None:
    """Turn one knob, jitter: each entry lives up to a fifth shorter. The same again."""
    shop.flag("catalog.ttl_jitter", True)
    loaded_together(shop, "jitter")


def expiring(shop: Bench) -> None:
    """Without early refresh: the hot entry lives for 3 s, and expires under load."""
    shop.flag("catalog.origin_ms", LOAD_MS)
    shop.flag("catalog.ttl_s", SHORT_TTL_S)
    shop.flag("catalog.early_refresh", False)
    expires_under_load(shop, "expiring")


def early(shop: Bench) -> None:
    """Turn one knob, early refresh: somebody loads it anew before it expires. The same again."""
    shop.flag("catalog.early_refresh", True)
    expires_under_load(shop, "early")


def dropped_under_load(shop: Bench, phase: str) -> None:
    node = node_of(shop.shop, HOT_ENTRY)
    with shop.watching(f"{phase}_under_way", under_way, every_s=0.05), shop.loading(phase, LONGER):
        answered(shop, "shoppers are there")
        before = counts(shop.shop)
        flush(shop, node)
        for _ in range(ROUNDS - 1):
            answered(shop, "the cache has it again")
            flush(shop, node)
    shop.note(f"{phase}_loads", counts(shop.shop).loads - before.loads)


def expires_under_load(shop: Bench, phase: str) -> None:
    """The entry is dropped first, so that the next one lives by the new rules."""
    already = len(shop.faults)
    flush(shop, node_of(shop.shop, HOT_ENTRY))
    shop.note(f"{phase}_drops", len(shop.faults) - already)
    with shop.loading(phase):
        answered(shop, "shoppers are there")
        before = counts(shop.shop)
    shop.note(f"{phase}_loads", counts(shop.shop).loads - before.loads)


def answered(shop: Bench, what: str) -> None:
    """Wait until the cache has answered half a second's worth of shoppers."""
    before = counts(shop.shop).hits
    shop.wait_until(lambda: counts(shop.shop).hits >= before + RATE / 2, what)


def node_of(shop: Shop, key: str) -> str:
    """The cache node that keeps a key."""
    return next((node for node, entries in shop.cache_entries().items() if key in entries), NODES[0])


def loaded_together(shop: Bench, phase: str) -> None:
    """Empty the cache, read everything, and keep how many products will expire in each second from now on."""
    flush(shop)
    warm(shop.shop.url)
    nodes, now = shop.shop.cache_entries().values(), time.time()
    left = [round(left) for node in nodes for key, left in node.items() if key.startswith("catalog:product:")]
    shop.series[f"{phase}_expiry"] = [(now + second, float(left.count(second))) for second in range(TTL_S + 2)]


def measure(seen: Seen) -> Numbers:
    """`_loads` of the database, `_together` how many of them at once, `_waited` shoppers; `_ms`; `_share` 0 to 1;
    `_drops` of the entry before it expired.
    """
    numbers: dict[str, float] = {}
    for phase in PHASES:
        load = seen[phase]
        numbers |= {f"{phase}_p{p}_ms": load.latency.percentile(p) for p in (50, 95, 99)}
        numbers |= {f"{phase}_loads": seen.facts[f"{phase}_loads"], f"{phase}_waited": float(waited(load))}
    for phase in ("naive", "single"):
        numbers[f"{phase}_per_drop"] = numbers[f"{phase}_loads"] / ROUNDS
        numbers[f"{phase}_together"] = max(seen.values(f"{phase}_under_way"), default=0.0)
    for phase in ("expiring", "early"):
        numbers[f"{phase}_drops"] = seen.facts.get(f"{phase}_drops", 0.0)  # older runs did not count them
        numbers[f"{phase}_waited_per_load"] = numbers[f"{phase}_waited"] / max(numbers[f"{phase}_loads"], 1)
    for phase in KEPT:
        share = worst_share(seen.values(f"{phase}_expiry"))
        numbers |= {f"{phase}_share": share, f"{phase}_percent": 100 * share}
    return numbers


def waited(load: LoadResult) -> int:
    """Who waited for half a load or longer."""
    return missed(load, LOAD_MS / 2)


def worst_share(per_second: Sequence[float]) -> float:
    """Of all entries, those that expire within the worst three seconds."""
    windows = (sum(per_second[at : at + WINDOW_S]) for at in range(len(per_second)))
    return max(windows) / max(sum(per_second), 1)


def findings(n: Numbers) -> list[Finding]:
    """Counts and ratios inside one run. An entry that is never dropped makes no stampede, and so none of them."""
    crowd = n["naive_per_drop"] >= 6
    return [
        Finding(
            claim="Naive, one dropped entry sends a crowd to the database: all who come while the first one loads",
            holds=crowd and n["naive_together"] >= 4,
            measured=f"{n['naive_per_drop']:.1f} loads for each time it was dropped, "
            f"up to {n['naive_together']:.0f} in Postgres at once",
            expected=f"1 + λ·s = {formulas.stampede(RATE, LOAD_S):.0f}; accepted: 6 or more, and 4 or more at once",
        ),
        Finding(
            claim="With single flight one load is enough",
            holds=crowd and n["single_per_drop"] <= min(2.5, 0.33 * n["naive_per_drop"]),
            measured=f"{n['single_per_drop']:.1f} loads instead of {n['naive_per_drop']:.1f}",
            expected="1; accepted: at most 2.5, and a third of the naive",
        ),
        Finding(
            claim="p99 falls to the time of one load, for nobody queues for a connection any more",
            holds=crowd and n["naive_p99_ms"] >= 1.25 * LOAD_MS and n["single_p99_ms"] <= 0.85 * n["naive_p99_ms"],
            measured=f"p99 {n['single_p99_ms']:.0f} instead of {n['naive_p99_ms']:.0f} ms",
            expected=f"naive at least {1.25 * LOAD_MS:.0f} ms and 6 loads or more for each drop; single flight at most "
            "0.85 of it",
        ),
        Finding(
            claim="What was loaded together expires together; jitter of a fifth takes that apart",
            holds=n["in_step_share"] >= 0.7 and n["jitter_share"] <= 0.6 * n["in_step_share"],
            measured=f"within the worst {WINDOW_S} s expire {n['in_step_share']:.0%} without, "
            f"{n['jitter_share']:.0%} with jitter",
            expected="70 % or more without; with it at most 0.6 of that",
        ),
        Finding(
            claim="Early refresh: the entry does not expire in anybody's face, one shopper waits where many did",
            holds=n["expiring_drops"] > 0
            and n["expiring_waited_per_load"] >= 3
            and n["early_waited_per_load"] <= 0.5 * n["expiring_waited_per_load"],
            measured=f"{n['early_waited_per_load']:.1f} shoppers waited for each load instead of "
            f"{n['expiring_waited_per_load']:.1f}; dropped {n['expiring_drops']:.0f} time before, to live for "
            f"{SHORT_TTL_S} s",
            expected="3 or more without; with it at most half of that; dropped once before",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """λ·s is the whole arithmetic: how many come while one load is under way."""
    crowd = min(formulas.stampede(RATE, LOAD_S), THREADS)
    return [
        Row(what="naive: loads for each drop", unit="loads", formula="1 + λ·s, at most all threads", expected=crowd,
            measured=n["naive_per_drop"], question="naive_loads"),
        Row(what="naive: in Postgres at once", unit="queries", formula="that, at most all connections",
            expected=min(crowd, CONNECTIONS), measured=n["naive_together"]),
        Row(what="naive: p99", unit="ms", formula="2·s - connections / λ",
            expected=1000 * formulas.second_wave_s(RATE, LOAD_S, CONNECTIONS), measured=n["naive_p99_ms"]),
        Row(what="single flight: loads for each drop", unit="loads", formula="1", expected=1,
            measured=n["single_per_drop"]),
        Row(what="single flight: p99", unit="ms", formula="s", expected=LOAD_MS, measured=n["single_p99_ms"]),
        Row(what=f"in step: expire within {WINDOW_S} s", unit="%", formula="all", expected=100,
            measured=n["in_step_percent"]),
        Row(what=f"jitter: expire within {WINDOW_S} s", unit="%", formula="window / (jitter · ttl)",
            expected=100 * WINDOW_S / (JITTER * TTL_S), measured=n["jitter_percent"], question="jitter_share"),
        Row(what="it expires: who waited s/2 or longer, for each load", unit="shoppers", formula="1 + λ·s / 2",
            expected=formulas.stampede(RATE, LOAD_S / 2), measured=n["expiring_waited_per_load"]),
        Row(what="early refresh: the same", unit="shoppers", formula="1", expected=1,
            measured=n["early_waited_per_load"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Who went to the database, who waited, and what would have expired when."""
    drops = {"loads for each drop": [n["naive_per_drop"], n["single_per_drop"]],
             "at once in Postgres": [n["naive_together"], n["single_together"]]}  # fmt: skip
    waits = {f"p{p}": [n[f"{phase}_p{p}_ms"] for phase in PHASES] for p in (50, 95, 99)}
    expiry = {name: per_window(seen.values(f"{phase}_expiry")) for phase, name in KEPT.items()}
    windows = [f"{begin} to {begin + WINDOW_S} s" for begin in WINDOWS]
    per_load = {"shoppers": [n["expiring_waited_per_load"], n["early_waited_per_load"]]}
    return {
        "loads": plots.bars("One entry is dropped", "loads", ["naive", "single flight"], drops, digits=1),
        "latency": plots.bars("What shoppers waited", "latency (ms)", list(PHASES.values()), waits),
        "expiry": plots.bars("Loaded together: when the entries will expire", "entries", windows, expiry),
        "waited": plots.bars("One entry expires: who waits for its load", "shoppers for each load",
                             ["it expires", "early refresh"], per_load, digits=1),
    }  # fmt: skip


def per_window(per_second: Sequence[float]) -> list[float]:
    """How many expire in each of the windows at the end of the time to live, where jitter spreads them."""
    return [sum(per_second[begin : begin + WINDOW_S]) for begin in WINDOWS]


def _p99(n: Numbers) -> str:
    if n["single_p99_ms"] < 0.5 * LOAD_MS:
        return "it is back to a few milliseconds"
    return "it is the time of one load" if n["single_p99_ms"] <= 1.6 * LOAD_MS else "it is as bad as before"


def _who(waited: float) -> str:
    return "nobody" if waited < 0.5 else "about one" if waited < 3 else "everybody who comes meanwhile"


LAB = Lab(
    slug="cache-stampede",
    topic="caching",
    title="Cache stampede",
    minutes=30,
    question="What is hot vanishes from the cache under load. How many load it, who waits, and what helps?",
    goal="how many loads a vanished entry costs, 1 + λ·s, and what single flight, jitter and early refresh each cure.",
    map="""\
60 shoppers a second,                         ┌──► the entry of tea-001   ◄── dropped, or expires
all want tea-001 ──► gateway ──► 2 catalogs ──┤
                                              └──► Postgres, 250 ms a load, 8 connections""",
    predictions=(
        Number(
            id="naive_loads",
            text=f"{RATE:g} requests/s want one entry. It vanishes, a load takes {LOAD_S:g} s. How many load it?",
            unit="loads",
            low=0,
            high=1000,
            measured="naive_per_drop",
            factor=1.4,
        ),
        Choice(
            id="single_p99",
            text="With single flight one load is left. What becomes of p99?",
            options=("it is back to a few milliseconds", "it is the time of one load", "it is as bad as before"),
            answer=_p99,
        ),
        Number(
            id="jitter_share",
            text=f"All products are loaded at once, to live for {TTL_S} s, each up to a fifth shorter. Which share "
            f"expires within the worst {WINDOW_S} s?",
            unit="%",
            low=0,
            high=100,
            measured="jitter_percent",
            factor=1.6,
        ),
        Choice(
            id="early_waits",
            text="With early refresh, who waits when the hot entry has to be loaded anew?",
            options=("nobody", "about one", "everybody who comes meanwhile"),
            answer=lambda n: _who(n["early_waited_per_load"]),
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), probes.invariants()),
    steady_load=LoadPlan(mix=PLAN.mix, rate=RATE, seconds=10, quick_seconds=3),
    load=PLAN,
    prepare=(),
    method=(naive, single_flight, in_step, spread, expiring, early),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=130, generator_lag_p99_ms=LOAD_MS / 4),
)
