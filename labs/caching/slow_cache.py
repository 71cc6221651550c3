"""One of three cache nodes answers late. What does it cost, by how long the catalog waits and what it learns?"""

from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.caching.counting import counted_load, flush
from labs.caching.slow_cache_text import TEACHING
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.warming import warm

SLOW = "memcached-2"
LATE_S = 1.25
NODES = 3
REPLICAS, THREADS = 2, 8
RATE = 48.0
LONG_S, WAIT_S, OUT_S = 3.0, 0.2, 3.0
TTL_S = 600
ROUND_TRIPS = 3
"""Of a miss on a node that fails and is not left alone: look, take the lock, put it there. (On a well one: five.)"""
TWO_PROBES_S = 2 * (WAIT_S + OUT_S)
VARIANTS = {
    "patient": "waits 3 s",
    "bounded": "waits 0.2 s",
    "spared": "leaves it alone",
    "dead": "dead node",
}

SHORT = LoadPlan(mix="shelf", rate=RATE, seconds=TWO_PROBES_S, quick_seconds=4.5, warm_up_s=0)
LONG = LoadPlan(mix="shelf", rate=RATE, seconds=TWO_PROBES_S, quick_seconds=TWO_PROBES_S, warm_up_s=0)
FAILURES = RATE * SHORT.quick_seconds / NODES / 2
"""At so many failures the node was late, and not this machine for a moment: half of the requests for its keys, each of
which fails up to three times.
"""


def warm_cache(shop: Bench) -> None:
    """Fill an empty cache with what will not expire during the lab, so that the slow node has all its answers."""
    shop.flag("catalog.ttl_s", TTL_S)
    flush(shop)
    warm(shop.shop.url)


def late_cache(shop: Bench) -> None:
    """Make one cache node answer 1.25 s late; its answers stay right."""
    shop.fault("cache_slow", SLOW, latency=round(1000 * LATE_S))


def patient(shop: Bench) -> None:
    """Wait up to 3 s for a cache node, every time: the patience that a client without a timeout has."""
    shop.flag("catalog.cache_wait_ms", 1000 * LONG_S)
    shop.flag("catalog.cache_out_s", 0)
    shop.load("patient", SHORT)


def bounded(shop: Bench) -> None:
    """Turn one knob: wait 0.2 s at most, then ask the database. The same load again."""
    shop.flag("catalog.cache_wait_ms", "default")
    counted_load(shop, "bounded", SHORT)


def spared(shop: Bench) -> None:
    """Turn the second knob: leave a node that failed alone for 3 s, the next one has its keys. The same load again."""
    shop.flag("catalog.cache_out_s", "default")
    shop.load("spared")


def dead(shop: Bench) -> None:
    """Now the node is not slow but dead: connections are refused at once. The same load again."""
    shop.heal()
    shop.fault("cache_down", SLOW)
    counted_load(shop, "dead")


def measure(seen: Seen) -> Numbers:
    """`_ms` milliseconds; `_late` requests that took 0.9 of the bound or longer; `_per_s` answers per second, counted
    once the first late ones are back; `_under_way` requests on the mean; `_errors` of a cache node, counted.
    """
    numbers = {"normal_ms": seen["steady_before"].latency.percentile(50)}
    for variant in VARIANTS:
        numbers |= {f"{variant}_{name}": value for name, value in _variant(seen[variant]).items()}
    bounded_errors = seen.facts.get("bounded_errors", 0.0)  # older runs did not count them
    return numbers | {"bounded_errors": bounded_errors, "dead_errors": seen.facts["dead_errors"]}


def _variant(load: LoadResult) -> dict[str, float]:
    times = [sample.latency_ms for sample in load.waited_for if sample.latency_ms is not None]
    late = sum(time >= 900 * WAIT_S for time in times)
    answered = sum(LATE_S < (sample.done_s or 0.0) <= load.duration_s for sample in load.samples)
    percentiles = {f"p{percent}_ms": load.latency.percentile(percent) for percent in (50, 90, 99)}
    return percentiles | {
        "mean_ms": sum(times) / max(len(times), 1),
        "late": late,
        "late_percent": 100 * late / max(len(times), 1),
        "per_s": answered / (load.duration_s - LATE_S),
        "under_way": sum(times) / 1000 / load.duration_s,
    }


def findings(n: Numbers) -> list[Finding]:
    """Ratios inside one run, each with an effect that only the slow node can have: with a bounded wait it fails again
    and again.
    """
    slow = n["bounded_errors"] >= FAILURES
    return [
        Finding(
            claim="Only a third of the keys is on the slow node, but with a patient client far more than a third wait",
            holds=slow and n["patient_late_percent"] >= 45 and n["patient_p90_ms"] >= 1000 * LATE_S,
            measured=f"{n['patient_late_percent']:.0f} % late; p50 {n['patient_p50_ms']:.0f} ms, p90 "
            f"{n['patient_p90_ms']:.0f} ms, normally {n['normal_ms']:.0f} ms",
            expected=f"45 % or more are late, p90 at least {1000 * LATE_S:.0f} ms; with a bounded wait the node "
            f"fails {FAILURES:.0f} times or more",
        ),
        Finding(
            claim="A bounded wait alone frees the others, but a miss pays it three times: p90 is far above the bound",
            holds=slow and n["bounded_p50_ms"] <= 0.5 * n["patient_p50_ms"] and n["bounded_p90_ms"] >= 2000 * WAIT_S,
            measured=f"p50 {n['bounded_p50_ms']:.0f} ms, p90 {n['bounded_p90_ms']:.0f} ms; the node failed "
            f"{n['bounded_errors']:.0f} times",
            expected=f"p50 at most half of the patient one's, p90 at least {2000 * WAIT_S:.0f} ms; it failed "
            f"{FAILURES:.0f} times or more",
        ),
        Finding(
            claim="Leaving the node alone ends nearly all waiting: a few requests find out every 3 s",
            holds=slow
            and n["spared_mean_ms"] <= 0.25 * n["bounded_mean_ms"]
            and 0 < n["spared_late_percent"] <= 0.3 * n["bounded_late_percent"],
            measured=f"{n['spared_mean_ms']:.0f} ms on the mean against {n['bounded_mean_ms']:.0f} ms; "
            f"{n['spared_late_percent']:.1f} % late requests against {n['bounded_late_percent']:.0f} %",
            expected="a quarter of the waiting or less, some late requests but at most 0.3 as many; not left alone "
            f"the node fails {FAILURES:.0f} times or more",
        ),
        Finding(
            claim="A dead node costs least of all: it says so at once",
            holds=slow
            and n["dead_errors"] > 0
            and n["dead_late"] <= 0.5 * n["spared_late"]
            and n["patient_mean_ms"] >= 10 * n["dead_mean_ms"],
            measured=f"{n['dead_late']:.0f} late requests against {n['spared_late']:.0f}; "
            f"on the mean {n['dead_mean_ms']:.0f} ms against {n['patient_mean_ms']:.0f} ms with the patient client; "
            f"the node failed {n['dead_errors']:.0f} times",
            expected="at most half as many late requests, at most a tenth of the patient client's mean; "
            f"the node failed at least once, and {FAILURES:.0f} times when it was late",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Little's law says how many threads the slow node takes, and so what is left for all."""
    share, threads = 1 / NODES, REPLICAS * THREADS
    miss_s = ROUND_TRIPS * WAIT_S
    return [
        Row(what="waits 3 s: answers", unit="per s", formula="min(λ, c / (share · late))",
            expected=min(RATE, formulas.throughput_limit(threads, share * LATE_S)), measured=n["patient_per_s"]),
        Row(what="waits 0.2 s: requests under way", unit="requests", formula="λ · share · 3 · wait",
            expected=formulas.in_flight(RATE, share * miss_s), measured=n["bounded_under_way"]),
        Row(what="waits 0.2 s: p90", unit="ms", formula="3 · wait", expected=1000 * miss_s,
            measured=n["bounded_p90_ms"], question="bounded_p90"),
        Row(what="leaves it alone: late requests", unit="%", formula="share · wait / (wait + out)",
            expected=100 * formulas.probing_share(share, WAIT_S, OUT_S), measured=n["spared_late_percent"],
            question="spared_late"),
        Row(what="the node is dead: late requests", unit="%", formula="share · 0 / (0 + out)",
            expected=100 * formulas.probing_share(share, 0.0, OUT_S), measured=n["dead_late_percent"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What shoppers waited."""
    names = list(VARIANTS.values())
    waits = {f"p{percent}": [n[f"{variant}_p{percent}_ms"] for variant in VARIANTS] for percent in (50, 90, 99)}
    means = {"mean": [n[f"{variant}_mean_ms"] for variant in VARIANTS]}
    return {
        "latency": plots.bars("What shoppers waited", "latency (ms, log scale)", names, waits, log=True),
        "mean": plots.bars("What the node costs everybody, on the mean", "latency (ms)", names, means),
    }


def _median(p50_ms: float) -> str:
    if p50_ms < 100:
        return "it stays: two thirds of the keys are on quick nodes"
    return "it rises to the mean, some 0.4 s" if p50_ms < 500 else "it rises above half a second"


LAB = Lab(
    slug="slow-cache",
    topic="caching",
    title="A slow cache is worse than none",
    minutes=25,
    question="One of three cache nodes answers, but late. What is worse: to wait for it, or not to have it?",
    goal="why a slow cache takes down what a dead one does not, and which two settings prevent it.",
    map="""\
           8 threads each
gateway ──► catalog-1 ──┬──► memcached-1
        ──► catalog-2   ├──► memcached-2   ◄── answers 1.25 s late
              │         └──► memcached-3
              └── what is not there ──► Postgres""",
    predictions=(
        Choice(
            id="patient_p50",
            text=f"The catalog waits for the slow node, {RATE:g} requests/s: what happens to the median (p50)?",
            options=(
                "it stays: two thirds of the keys are on quick nodes",
                "it rises to the mean, some 0.4 s",
                "it rises above half a second",
            ),
            answer=lambda n: _median(n["patient_p50_ms"]),
        ),
        Number(
            id="bounded_p90",
            text="It waits 0.2 s at most and asks the database then: what is p90?",
            unit="ms",
            low=1,
            high=10_000,
            measured="bounded_p90_ms",
            factor=1.5,
        ),
        Number(
            id="spared_late",
            text="It also leaves a node that failed alone for 3 s: which share of requests still waits 0.2 s?",
            unit="%",
            low=0,
            high=100,
            measured="spared_late_percent",
            factor=2.5,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), probes.invariants()),
    steady_load=LoadPlan(mix="shelf", rate=RATE, seconds=10, quick_seconds=3.5),
    load=LONG,
    prepare=(warm_cache,),
    method=(late_cache, patient, bounded, spared, dead),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=100, samples=200),
)
