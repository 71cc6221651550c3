"""Three times as many come as can be served. Is everybody served too late, or a third in time, and which third?"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.request import urlopen

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.load.sample import Sample
from labs.resilience.load_shedding_text import TEACHING

REPLICAS, THREADS = 2, 8
WORK_S = 0.5
CAPACITY = formulas.throughput_limit(REPLICAS * THREADS, WORK_S)
TIMES = 3
PATIENCE_MS = 2000
TIERS = {"pay": "checkout", "browse": "browsing", "extras": "extras"}
BUSY = LoadPlan(mix="tiers", rate=CAPACITY, seconds=15, quick_seconds=6)


def slow_pages(shop: Bench) -> None:
    """Make every page half a second of work: sixteen threads then serve 32 a second, whatever the processors could.
    The gateway takes nobody out for being slow.
    """
    shop.flag("gateway.health_checks", "off")
    slow_down(shop)


def slow_down(shop: Bench) -> None:
    for number in range(1, REPLICAS + 1):
        shop.fault("http_delay", f"storefront-{number}", fixedDelay=WORK_S, path="/")


def capacity(shop: Bench) -> None:
    """Find the best goodput: as many come as can be served."""
    shop.load("capacity")


def naive(shop: Bench) -> None:
    """Refuse nobody, as a server without a limit does, and let three times as many come as were just served."""
    shop.flag("storefront.shedding", False)
    shop.rush("naive", crowd(shop, seconds=8, quick_seconds=5))


def recover(shop: Bench) -> None:
    """Take the work away until all that still wait are answered, then put it back."""
    shop.heal()
    shop.wait_until(lambda: answers_at_once(shop.shop.url), "pages are answered at once again", timeout_s=60)
    slow_down(shop)


def shedding(shop: Bench) -> None:
    """Turn one knob: a replica refuses what it could not answer in time, extras first. The same crowd again."""
    shop.flag("storefront.shedding", True)
    shop.rush("shedding", crowd(shop, seconds=20, quick_seconds=8))


def crowd(shop: Bench, seconds: float, quick_seconds: float) -> LoadPlan:
    """Three times the goodput that was measured in this very run."""
    rate = round(TIMES * goodput(shop.phases["capacity"].counted))
    return replace(BUSY, rate=max(rate, 1), seconds=seconds, quick_seconds=quick_seconds, warm_up_s=2.0)


def answers_at_once(url: str) -> bool:
    """Whether five pages in a row take less than a fifth of the work together."""
    with suppress(OSError):
        began = time.monotonic()
        for _ in range(5):
            urlopen(f"{url}/fragments/recommendations", timeout=1).close()
        return time.monotonic() - began < 1
    return False


def goodput(load: LoadResult) -> float:
    """Answers per second that came while somebody still waited for them."""
    return sum(map(in_time, load.waited_for)) / counted_s(load)


def counted_s(load: LoadResult) -> float:
    """How long people came, without the warm-up."""
    return load.duration_s - load.samples[0].intended_s


def in_time(sample: Sample) -> bool:
    return sample.outcome == "ok" and (sample.latency_ms or 0.0) <= PATIENCE_MS


def measure(seen: Seen) -> Numbers:
    """`_goodput` in answers per second; `_in_time` and `_refused` in percent of what came, for each tier; `_p50_ms`."""
    best = goodput(seen["capacity"])
    n = {"best": best, "offered": seen["shedding"].started / counted_s(seen["shedding"])}
    for phase in ("naive", "shedding"):
        load = seen[phase]
        n[f"{phase}_goodput"] = goodput(load)
        n[f"{phase}_percent"] = 100 * goodput(load) / max(best, 0.001)
        n[f"{phase}_p50_ms"] = load.latency.percentile(50)
        for what in TIERS:
            n |= {f"{phase}_{what}_{name}": value for name, value in _tier(load, what).items()}
    refusals = sorted(s.latency_ms or 0.0 for s in seen["shedding"].waited_for if s.status == 503)
    return n | {"refusals": len(refusals), "refusal_ms": refusals[len(refusals) // 2] if refusals else 0.0}


def _tier(load: LoadResult, what: str) -> dict[str, float]:
    samples = [sample for sample in load.waited_for if sample.what == what]
    refused = sum(sample.status == 503 for sample in samples)
    good, came = sum(map(in_time, samples)), max(len(samples), 1)
    return {
        "in_time": 100 * good / came,
        "refused": 100 * refused / came,
        "of_admitted": 100 * good / max(len(samples) - refused, 1),
    }


def findings(n: Numbers) -> list[Finding]:
    """Each needs more people than can be served."""
    crowded, asked = n["offered"] >= 2 * n["best"], "at least twice the best was asked for"
    return [
        Finding(
            claim="Who refuses nobody serves nobody: at three times the load goodput falls below half of the best",
            holds=crowded and n["naive_percent"] < 50,
            measured=f"{n['naive_goodput']:.1f} in time a second, {n['naive_percent']:.0f} % of {n['best']:.1f}; "
            f"{n['offered']:.0f} were asked for",
            expected=f"less than 50 %; {asked}",
        ),
        Finding(
            claim="With shedding the same crowd leaves goodput where it was at its best",
            holds=crowded and n["shedding_percent"] >= 80 and n["naive_percent"] < 50,
            measured=f"{n['shedding_goodput']:.1f} a second, {n['shedding_percent']:.0f} % of the best; without "
            f"{n['naive_percent']:.0f} %",
            expected=f"at least 80 %; without less than 50 %; {asked}",
        ),
        Finding(
            claim="What matters least is refused first: extras, then browsing, and checkout last",
            holds=n["shedding_extras_refused"] >= 80
            and n["shedding_extras_refused"] >= n["shedding_browse_refused"] >= 20
            and n["shedding_pay_refused"] <= 0.5 * n["shedding_browse_refused"],
            measured=", ".join(f"{name} {n[f'shedding_{what}_refused']:.0f} %" for what, name in TIERS.items()),
            expected="extras 80 % or more, browsing between, checkout at most half of browsing",
        ),
        Finding(
            claim="Of the checkouts that are let in nearly all succeed in time; without shedding less than half",
            holds=crowded and n["shedding_pay_of_admitted"] >= 95 and n["naive_pay_in_time"] < 50,
            measured=f"{n['shedding_pay_of_admitted']:.0f} % of those let in; without {n['naive_pay_in_time']:.0f} %",
            expected=f"at least 95 %; less than 50 %; {asked}",
        ),
        Finding(
            claim="A refusal comes while people still wait: they can do something else, or come again",
            holds=crowded and n["refusals"] >= 50 and n["refusal_ms"] <= PATIENCE_MS / 4,
            measured=f"{n['refusals']:.0f} refusals after {n['refusal_ms']:.0f} ms (median); when nobody was "
            f"refused, people waited {n['naive_p50_ms']:.0f} ms (median)",
            expected=f"at least 50, after at most {PATIENCE_MS / 4:.0f} ms; {asked}",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    left = max(0.0, CAPACITY - n["offered"] * SHARES["pay"]) / max(n["offered"] * SHARES["browse"], 0.001)
    return [
        Row(what="the best goodput", unit="answers/s", formula="threads / work", expected=CAPACITY, measured=n["best"]),
        Row(what="with shedding: goodput", unit="answers/s", formula="threads / work", expected=CAPACITY,
            measured=n["shedding_goodput"]),
        Row(what="with shedding: browsing that is served", unit="%", formula="(capacity - checkout) / browsing",
            expected=100 * min(1.0, left), measured=n["shedding_browse_in_time"], question="browse"),
    ]  # fmt: skip


SHARES = {"pay": 0.1, "browse": 0.5, "extras": 0.4}
"""Of the mix `tiers`."""


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What each tier got, and what waiting was like."""
    phases = {"naive": "refusing nobody", "shedding": "shedding"}
    fate = {title: [n[f"{phase}_{what}_in_time"] for what in TIERS] for phase, title in phases.items()}
    refused = {"refused when shedding": [n[f"shedding_{what}_refused"] for what in TIERS]}
    return {
        "fate": plots.bars("Answered in time", "% of what came", list(TIERS.values()), fate),
        "refused": plots.bars("Refused", "% of what came", list(TIERS.values()), refused),
        "goodput": plots.bars(
            "Goodput", "answers per second",
            ["as many as can be served", "three times, refusing nobody", "three times, shedding"],
            {"in time": [n["best"], n["naive_goodput"], n["shedding_goodput"]]}, digits=1,
        ),
    }  # fmt: skip


def _naive(n: Numbers) -> str:
    if n["naive_percent"] >= 75:
        return "about 32"
    return "about 16" if n["naive_percent"] >= 25 else "hardly any"


def _first(n: Numbers) -> str:
    refused = {name: n[f"shedding_{what}_refused"] for what, name in TIERS.items()}
    return max(refused, key=lambda name: refused[name])


LAB = Lab(
    slug="load-shedding",
    topic="resilience",
    title="Load shedding by what matters",
    minutes=25,
    question="Three times as many come as can be served. Is everybody served too late, or some in time, and who?",
    goal="why a queue without a limit turns overload into an outage, and how refusing in time prevents it.",
    map="""\
                                ┌─ waits for one of 8 threads ─► 0.5 s of work     2 replicas: 32 a second
96 a second ──► gateway ──► storefront
  10 % checkout                 └─ with shedding: too many inside? extras, then browsing, then checkout
  50 % browsing                    are refused: 503, Retry-After""",
    predictions=(
        Choice(
            id="naive",
            text="32 pages a second can be served and 96 are asked for; nobody is refused. People wait 2 s, then they "
            "go. After the first seconds, how many answers a second still reach somebody?",
            options=("about 32", "about 16", "hardly any"),
            answer=_naive,
        ),
        Choice(
            id="first",
            text="With shedding: of which tier is the largest part refused?",
            options=tuple(TIERS.values()),
            answer=_first,
        ),
        Number(
            id="browse",
            text="With shedding: what percentage of those who browse is served?",
            unit="%",
            low=0,
            high=100,
            measured="shedding_browse_in_time",
            factor=1.5,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1000), probes.invariants()),
    steady_load=LoadPlan(mix="tiers", rate=20, seconds=10, quick_seconds=4),
    load=BUSY,
    prepare=(),
    method=(slow_pages, capacity, naive, recover, shedding),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=100),
)
