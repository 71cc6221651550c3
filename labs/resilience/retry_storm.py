"""The catalogue stops for two and a half seconds, then goes on. Why do pages go on failing, and what ends it?"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.resilience.retry_storm_text import TEACHING

RATE, THREADS, SERVICE_S = 13.0, 8, 0.4
CALM_S, TRIGGER_S, LATER_S = 2.5, 2.5, 3.5
STORM_S, HEALED_S = 6.0, 8.5
"""From the end of the stop to the cure, and from the cure to where its effect is measured."""
TIMEOUT_S, TOTAL_S = 0.7, 1.5
"""Of one attempt, and of a call with all its attempts: so there is time for two."""
VARIANTS = {"naive": "bounded in the storm", "bounded": "bounded all along"}
BOUNDS = ("breaker", "deadlines", "retry_budget", "retry_jitter")
PRODUCTS = "/api/catalog/products"
STORM = LoadPlan(mix="pages", rate=RATE, seconds=30, quick_seconds=22.5, warm_up_s=0)


def one_catalog(shop: Bench) -> None:
    """One catalogue that takes whatever comes: its capacity is known; three storefronts, so that theirs is no limit."""
    shop.flag("catalog.shedding", False)
    shop.scale("catalog", 1)
    shop.scale("storefront", 3)


def naive(shop: Bench) -> None:
    """Try again whatever fails, at once and always. Stop the catalogue for a moment; later, bound the retries."""
    bound_retries(shop, False)
    with stop_and_go(shop, "naive", STORM):
        cured = time.time()
        bound_retries(shop, True)
    shop.note("cured_s", cured - shop.phases["naive"].load.started_at)


def bounded(shop: Bench) -> None:
    """Leave the bounds on: a budget, jitter, a breaker, deadlines. The same load, the same stop."""
    with stop_and_go(shop, "bounded"):
        pass


def bound_retries(shop: Bench, on: bool) -> None:
    for bound in BOUNDS:
        shop.flag(f"storefront.{bound}", on)


@contextmanager
def stop_and_go(shop: Bench, variant: str, plan: LoadPlan | None = None) -> Iterator[None]:
    """Have each answer of the catalogue take 0.4 s; stop it once, for 2.5 s, and look at what happens afterwards. The
    block runs 6 s after the stop, while the load goes on.
    """
    shop.fault("http_delay", "catalog-1", fixedDelay=SERVICE_S, path=PRODUCTS)
    before = asked(shop) | answered(shop)
    with shop.loading(variant, plan):
        shop.wait_till(time.time() + CALM_S, "all was well for a while")
        stopped = time.time()
        shop.fault("process_pause", "catalog-1", for_s=TRIGGER_S)
        shop.wait_till(stopped + TRIGGER_S + STORM_S, "the catalogue has gone on for a while")
        after = asked(shop)
        yield
    shop.heal()
    pages_since = asked(shop)["good"] - after["good"]
    after |= answered(shop)
    after["answered"] -= pages_since  # those that pages came of since the block; what else it answered was asked before
    shop.note(f"{variant}_stopped_s", stopped - shop.phases[variant].load.started_at)
    for name, value in after.items():
        shop.note(f"{variant}_{name}", value - before[name])


def asked(shop: Bench) -> dict[str, float]:
    """What became of the storefronts' calls to the catalogue, since they were started."""
    counted = shop.shop.metrics("storefront")
    ended = 'shop_peer_calls_total{{outcome="{}",peer="catalog"}}'.format
    return {
        "good": counted.get(ended("ok"), 0.0),
        "timed_out": counted.get(ended("timed_out"), 0.0),
        "retries": counted.get('shop_peer_retries_total{outcome="made",peer="catalog"}', 0.0),
        "over_budget": counted.get('shop_peer_retries_total{outcome="over_budget",peer="catalog"}', 0.0),
        "left_alone": counted.get('shop_peer_refused_total{by="breaker",peer="catalog"}', 0.0),
    }


def answered(shop: Bench) -> dict[str, float]:
    """What the catalogue answered, and what it dropped as too late, since it was started. In a storm this question is
    too late itself.
    """
    counted = shop.shop.metrics("catalog")
    answers = {name: n for name, n in counted.items() if name.startswith("shop_request_seconds_count")}
    good = sum(n for name, n in answers.items() if PRODUCTS in name and 'status="200"' in name)
    return {"answered": good, "too_late": counted.get("shop_too_late_total", 0.0)}


def measure(seen: Seen) -> Numbers:
    """Shares of pages in percent: `_before` the stop; `_later`, from 3.5 s after its end, but before a cure; `healed`,
    from 8.5 s after the cure. `healing_s`: from the cure until pages are shown again. `_attempts` for each call that
    timed out; `_wasted_percent` of the catalogue's answers that no page came of.
    """
    n = dict(seen.facts)
    until_s = {"naive": n["cured_s"], "bounded": math.inf}
    for variant in VARIANTS:
        load, stopped_s = seen[variant], n[f"{variant}_stopped_s"]
        later_s = stopped_s + TRIGGER_S + LATER_S
        n[f"{variant}_before"] = _shown(load.select(since_s=0.5, until_s=stopped_s - 0.6))
        n[f"{variant}_later"] = _shown(load.select(since_s=later_s, until_s=until_s[variant]))
        n[f"{variant}_failed"] = load.completed - load.outcomes["ok"]
        n[f"{variant}_attempts"] = 1 + n[f"{variant}_retries"] / max(n[f"{variant}_timed_out"], 1)
        n[f"{variant}_wasted_percent"] = 100 * max(0.0, 1 - n[f"{variant}_good"] / max(n[f"{variant}_answered"], 1))
    healed = _shown(seen["naive"].select(since_s=n["cured_s"] + HEALED_S))
    return n | {"healed": healed, "healing_s": _healing_s(seen["naive"], n["cured_s"])}


def _healing_s(load: LoadResult, since_s: float) -> float:
    """Until the first second in which nearly all pages are shown, in steps of half a second."""
    steps = [step / 2 for step in range(int(2 * (load.duration_s - since_s)))]
    again = (at for at in steps if _shown(load.select(since_s=since_s + at, until_s=since_s + at + 1)) >= 80)
    return next(again, load.duration_s - since_s)


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
            claim="Switched on in the middle of the storm, the bounds end it, under the same load",
            holds=n["naive_later"] <= 30 and n["healed"] >= 80,
            measured=f"{n['naive_later']:.0f} % shown before, {n['healed']:.0f} % from {HEALED_S:g} s after",
            expected="30 % or less before, 80 % or more after",
        ),
        Finding(
            claim="With bounded retries the same stop costs as long as it lasts and a moment more, then all is well",
            holds=n["bounded_failed"] >= 10
            and n["bounded_later"] >= 80
            and n["bounded_attempts"] <= n["naive_attempts"],
            measured=f"{n['bounded_failed']:.0f} pages failed in all; {n['bounded_later']:.0f} % shown from "
            f"{LATER_S:g} s after its end; {n['bounded_attempts']:.2f} attempts for each call that timed out",
            expected="10 or more failed; 80 % or more shown; no more attempts than without",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    attempts = formulas.attempts_in(TOTAL_S, TIMEOUT_S)
    capacity = formulas.throughput_limit(THREADS, SERVICE_S)
    backlog = attempts * RATE * TRIGGER_S + formulas.backlog(attempts * RATE, capacity, STORM_S)
    return [
        Row(what="attempts of a call that times out", unit="attempts", formula="whole times the timeout fits into the "
            "bound of a call", expected=attempts, measured=n["naive_attempts"], question="attempts"),
        Row(what="before the stop: pages shown", unit="%", formula=f"all: utilisation is "
            f"{formulas.utilisation(RATE, SERVICE_S, THREADS):.2f}", expected=100, measured=n["naive_before"]),
        Row(what="after it, retries only: pages shown", unit="%", formula=f"none: utilisation is now "
            f"{formulas.utilisation(attempts * RATE, SERVICE_S, THREADS):.1f}", expected=0, measured=n["naive_later"]),
        Row(what="in the storm, bounded: pages are shown again after", unit="s", formula="backlog / μ",
            expected=formulas.queue_delay_s(backlog, capacity), measured=n["healing_s"]),
        Row(what="in the storm, bounded since: pages shown", unit="%", formula=f"all, once the queue is gone: "
            f"{formulas.utilisation(1.1 * RATE, SERVICE_S, THREADS):.2f}", expected=100, measured=n["healed"]),
        Row(what="after it, bounded: pages shown", unit="%", formula=f"all: at most "
            f"{formulas.utilisation(1.1 * RATE, SERVICE_S, THREADS):.2f} with 10 % retries", expected=100,
            measured=n["bounded_later"]),
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
        plots.shade(figure, n["cured_s"], seen["naive"].duration_s, "bounds on, in the storm too", line=1)
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
    goal="how retries turn a short trouble into one that stays (a metastable failure), and what ends and prevents it.",
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
            id="healed",
            text=f"{STORM_S:g} s after the catalogue goes on all four bounds are switched on (retry budget, jitter, "
            f"breaker, deadlines), nothing else is done. From {HEALED_S:g} s later: how many are shown?",
            options=LATER,
            answer=lambda n: _later(n["healed"]),
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="pages", rate=RATE, seconds=10, quick_seconds=3),
    load=LoadPlan(mix="pages", rate=RATE, seconds=22, quick_seconds=11.5, warm_up_s=0),
    prepare=(one_catalog,),
    method=(naive, bounded),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=120),
)
