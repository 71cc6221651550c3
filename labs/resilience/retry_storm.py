"""The catalogue stops for two and a half seconds, then goes on. Why do pages go on failing, and what ends it?"""

import time
from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.resilience.retry_storm_text import TEACHING

RATE, THREADS, SERVICE_S = 13.0, 8, 0.4
CALM_S, TRIGGER_S, LATER_S = 3.0, 2.5, 3.5
TIMEOUT_S, TOTAL_S = 0.7, 1.5
"""Of one attempt, and of a call with all its attempts: so there is time for two."""
VARIANTS = {"naive": "retries only", "cured": "budget, jitter, breaker, deadlines"}
CURES = ("retry_budget", "retry_jitter", "breaker", "deadlines")
PRODUCTS = "/api/catalog/products"


def one_catalog(shop: Bench) -> None:
    """One catalogue that takes whatever comes: its capacity is known; three storefronts, so that theirs is no limit."""
    shop.flag("catalog.shedding", False)
    shop.scale("catalog", 1)
    shop.scale("storefront", 3)


def naive(shop: Bench) -> None:
    """Try again whatever fails, at once and always. Then stop the catalogue for a moment while people look around."""
    for cure in CURES:
        shop.flag(f"storefront.{cure}", False)
    stop_and_go(shop, "naive")


def cured(shop: Bench) -> None:
    """Switch on what bounds retries: a budget, jitter, a breaker, deadlines. The same load, the same stop."""
    for cure in CURES:
        shop.flag(f"storefront.{cure}", True)
    stop_and_go(shop, "cured")


def stop_and_go(shop: Bench, variant: str) -> None:
    """Have each answer of the catalogue take 0.4 s; stop it once, for 2.5 s, and look at what happens afterwards."""
    shop.fault("http_delay", "catalog-1", fixedDelay=SERVICE_S, path=PRODUCTS)
    before = counted(shop)
    with shop.loading(variant):
        calm_until = time.time() + CALM_S
        shop.wait_until(lambda: time.time() >= calm_until, "all was well for a while")
        stopped = time.time()
        shop.fault("process_pause", "catalog-1", for_s=TRIGGER_S)
    shop.heal()
    shop.note(f"{variant}_stopped_s", stopped - shop.phases[variant].load.started_at)
    for name, value in counted(shop).items():
        shop.note(f"{variant}_{name}", value - before[name])


def counted(shop: Bench) -> dict[str, float]:
    """What the storefront asked the catalogue and what it left, what the catalogue answered and what it dropped, since
    they were started.
    """
    asks, answers = shop.shop.metrics("storefront"), shop.shop.metrics("catalog")
    ended = 'shop_peer_calls_total{{outcome="{}",peer="catalog"}}'.format
    return {
        "good": asks.get(ended("ok"), 0.0),
        "timed_out": asks.get(ended("timed_out"), 0.0),
        "over_budget": asks.get('shop_peer_retries_total{outcome="over_budget",peer="catalog"}', 0.0),
        "left_alone": asks.get('shop_peer_refused_total{by="breaker",peer="catalog"}', 0.0),
        "too_late": answers.get("shop_too_late_total", 0.0),
        "retries": asks.get('shop_peer_retries_total{outcome="made",peer="catalog"}', 0.0),
        "answered": sum(
            value
            for name, value in answers.items()
            if name.startswith("shop_request_seconds_count") and 'status="200"' in name and PRODUCTS in name
        ),
    }


def measure(seen: Seen) -> Numbers:
    """Shares of pages in percent: `_before` the stop and `_later`, from 3.5 s after its end. `_attempts` for each call
    that timed out; `_wasted_percent` of the catalogue's answers that no page came of.
    """
    n = dict(seen.facts)
    for variant in VARIANTS:
        load, stopped_s = seen[variant], n[f"{variant}_stopped_s"]
        later_s = stopped_s + TRIGGER_S + LATER_S
        n[f"{variant}_before"] = _shown(load.select(since_s=1, until_s=stopped_s - 1))
        n[f"{variant}_later"] = _shown(load.select(since_s=later_s))
        n[f"{variant}_failed"] = load.completed - load.outcomes["ok"]
        n[f"{variant}_attempts"] = 1 + n[f"{variant}_retries"] / max(n[f"{variant}_timed_out"], 1)
        n[f"{variant}_wasted_percent"] = 100 * max(0.0, 1 - n[f"{variant}_good"] / max(n[f"{variant}_answered"], 1))
    return n


def _shown(load: LoadResult) -> float:
    return 100 * load.outcomes["ok"] / max(load.started, 1)


def findings(n: Numbers) -> list[Finding]:
    """Without the stop there is nothing to repeat and nothing to recover from."""
    return [
        Finding(
            claim="The stop is over and the load is the same as before it, but pages go on failing: the state stays",
            holds=n["naive_before"] >= 90 and n["naive_later"] <= 30,
            measured=f"{n['naive_before']:.0f} % shown before the stop, {n['naive_later']:.0f} % from {LATER_S:g} s "
            "after its end",
            expected="90 % or more before, 30 % or less later",
        ),
        Finding(
            claim="What keeps it alive are the retries: each call that times out is made again",
            holds=n["naive_timed_out"] >= 30 and n["naive_attempts"] >= 1.6,
            measured=f"{n['naive_attempts']:.2f} attempts for each of {n['naive_timed_out']:.0f} calls that timed out",
            expected="at least 1.6, for 30 calls or more",
        ),
        Finding(
            claim="The catalogue is busy all the time, for nobody: it answers those who have left",
            holds=n["naive_timed_out"] >= 30 and n["naive_wasted_percent"] >= 40,
            measured=f"{n['naive_answered']:.0f} answers, {n['naive_good']:.0f} of them in time: "
            f"{n['naive_wasted_percent']:.0f} % wasted",
            expected="40 % or more",
        ),
        Finding(
            claim="With bounded retries the same stop costs as long as it lasts and a moment more, then all is well",
            holds=n["cured_failed"] >= 10 and n["cured_later"] >= 80 and n["cured_attempts"] <= n["naive_attempts"],
            measured=f"{n['cured_failed']:.0f} pages failed in all; {n['cured_later']:.0f} % shown from {LATER_S:g} s "
            f"after its end; {n['cured_attempts']:.2f} attempts for each call that timed out",
            expected="10 or more failed; 80 % or more shown; no more attempts than without",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    attempts = formulas.attempts_in(TOTAL_S, TIMEOUT_S)
    return [
        Row(what="attempts of a call that times out", unit="attempts", formula="whole times the timeout fits into the "
            "bound of a call", expected=attempts, measured=n["naive_attempts"], question="attempts"),
        Row(what="before the stop: pages shown", unit="%", formula=f"all: utilisation is "
            f"{formulas.utilisation(RATE, SERVICE_S, THREADS):.2f}", expected=100, measured=n["naive_before"]),
        Row(what="after it, retries only: pages shown", unit="%", formula=f"none: utilisation is now "
            f"{formulas.utilisation(attempts * RATE, SERVICE_S, THREADS):.1f}", expected=0, measured=n["naive_later"]),
        Row(what="after it, bounded: pages shown", unit="%", formula=f"all: at most "
            f"{formulas.utilisation(1.1 * RATE, SERVICE_S, THREADS):.2f} with 10 % retries", expected=100,
            measured=n["cured_later"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What each page took, and how many a second were shown."""
    waits = {
        name: [(s.intended_s, s.latency_ms or 0.0) for s in seen[variant].waited_for]
        for variant, name in VARIANTS.items()
    }
    shown = {name: _per_second(seen[variant]) for variant, name in VARIANTS.items()}
    figures = {
        "shown": plots.curves("Pages shown", "pages/s", shown),
        "waits": plots.curves("What each page took", "ms", waits, dots=tuple(VARIANTS.values())),
    }
    for figure in figures.values():
        stopped_s = n["naive_stopped_s"]
        plots.shade(figure, stopped_s, stopped_s + TRIGGER_S, "catalogue stopped")
    return figures


def _per_second(load: LoadResult) -> list[tuple[float, float]]:
    """Pages shown of those that were asked for in each second."""
    shown = [int(sample.intended_s) for sample in load.samples if sample.outcome == "ok"]
    return [(second, shown.count(second)) for second in range(int(load.duration_s))]


LATER = ("nearly all", "about half", "nearly none")


def _later(share: float) -> str:
    return LATER[0] if share >= 80 else LATER[2] if share <= 30 else LATER[1]


LAB = Lab(
    slug="retry-storm",
    topic="resilience",
    title="Retry storm",
    minutes=30,
    question="The catalogue stops for two and a half seconds. Why do pages go on failing afterwards, and what ends it?",
    goal="how retries turn a short trouble into one that stays (a metastable failure), and which bounds prevent it.",
    map="""\
shopper ══► storefront ──► catalogue, one replica: 8 threads, 0.4 s an answer = 20/s   ◄── stops once, for 2.5 s
 13/s         waits 0.7 s, then asks again; 1.5 s in all""",
    predictions=(
        Number(
            id="attempts",
            text=f"An attempt is given {TIMEOUT_S:g} s, a call {TOTAL_S:g} s. How many requests does the catalogue get "
            "for each page while it is too slow?",
            unit="requests",
            low=1,
            high=10,
            measured="naive_attempts",
            factor=1.3,
        ),
        Choice(
            id="naive_later",
            text=f"Retries only. From {LATER_S:g} s after the catalogue goes on: how many pages are shown?",
            options=LATER,
            answer=lambda n: _later(n["naive_later"]),
        ),
        Choice(
            id="cured_later",
            text="With budget, jitter, breaker and deadlines: how many are shown then?",
            options=LATER,
            answer=lambda n: _later(n["cured_later"]),
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="pages", rate=RATE, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="pages", rate=RATE, seconds=22, quick_seconds=13, warm_up_s=0),
    prepare=(one_catalog,),
    method=(naive, cured),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=120),
)
