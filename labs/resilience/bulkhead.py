"""Payments are silent. Who only wants to know how an order is: do they get an answer?"""

import time
from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.resilience.bulkhead_text import TEACHING
from labs.shop import Shop

RATE = 28.0
BUYS = RATE / 2
REPLICAS, THREADS, PLACES = 2, 8, 6
TIMEOUT_S = 2.0
CALM_S, FILLED_S, SILENT_S = 2.5, 2.5, 7.5
IN_TIME_MS = 1000
LUCKY_S = 5.0
"""Who comes so late in the silence may still be in a queue, or waited for, when it ends."""
VARIANTS = {"open": "no bulkhead", "divided": "bulkhead"}
REFUSED = 'shop_peer_refused_total{by="bulkhead",peer="payments"}'
UNDER_WAY = 'shop_peer_calls_under_way{peer="payments"}'


def undivided(shop: Bench) -> None:
    """Let payments have all threads of orders it can get, then freeze it. The breaker is off, as if not open yet."""
    shop.flag("orders.breaker", False)
    shop.flag("orders.shedding", False)
    shop.flag("orders.bulkhead", False)
    fall_silent(shop, "open")


def divided(shop: Bench) -> None:
    """Turn one knob: six of a replica's eight threads may call payments, no more. The same people, the same silence."""
    shop.flag("orders.bulkhead", True)
    fall_silent(shop, "divided")


def fall_silent(shop: Bench, variant: str) -> None:
    """Freeze payments while half of the people buy, and the other half asks how an order is."""
    before = refused(shop.shop)
    with shop.loading(variant), shop.watching(f"{variant}_threads", taken):
        began = time.time()
        shop.wait_until(lambda: time.time() >= began + CALM_S, "all was well for a while")
        shop.fault("process_pause", "payments-1")
        frozen = time.time()  # who came just before may still have paid
        shop.wait_until(lambda: time.time() >= frozen + SILENT_S, "payments was silent for a while")
        healed = time.time()
        shop.heal()
    began = shop.phases[variant].load.started_at
    shop.note(f"{variant}_frozen_s", frozen - began)
    shop.note(f"{variant}_healed_s", healed - began)
    shop.note(f"{variant}_refused", refused(shop.shop) - before)


def refused(shop: Shop) -> float:
    """How many calls to payments found all places taken, since orders was started."""
    return shop.metrics("orders").get(REFUSED, 0.0)


def taken(shop: Shop) -> float:
    """How many threads of orders wait for payments; nobody answers that when all do."""
    return shop.metrics("orders")[UNDER_WAY]


def measure(seen: Seen) -> Numbers:
    """Of those who ask for an order: p50 in calm times (`_calm_ms`), p50 and p90 in the silence, once it has filled
    what it can, and the share answered `_in_time`, in percent. `_sold` counts buyers who had their order, of those
    who came when it began, `_late_sold` of those who came in its last seconds.
    """
    n = dict(seen.facts)
    for variant in VARIANTS:
        frozen_s, healed_s = n[f"{variant}_frozen_s"], n[f"{variant}_healed_s"]
        asked, bought = seen[variant].select(what="order"), seen[variant].select(what="checkout")
        silent = asked.select(since_s=frozen_s + FILLED_S, until_s=healed_s)
        n[f"{variant}_calm_ms"] = asked.select(since_s=0.5, until_s=frozen_s).latency.percentile(50)
        n[f"{variant}_p50_ms"], n[f"{variant}_p90_ms"] = (silent.latency.percentile(p) for p in (50, 90))
        n[f"{variant}_in_time"] = _in_time(silent)
        n[f"{variant}_sold"] = bought.select(since_s=frozen_s, until_s=healed_s - LUCKY_S).outcomes["ok"]
        late = bought.select(since_s=healed_s - LUCKY_S, until_s=healed_s)
        n[f"{variant}_late_sold"] = late.outcomes["ok"]
    filled_s = n["divided_frozen_s"] + FILLED_S
    return n | {"divided_threads": seen.mean("divided_threads", "divided", filled_s, n["divided_healed_s"])}


def _in_time(load: LoadResult) -> float:
    """Answered within a second, in percent: that there is no such order is an answer, too."""
    good = [s for s in load.samples if s.outcome in ("ok", "http_4xx") and (s.latency_ms or 0.0) <= IN_TIME_MS]
    return 100 * len(good) / max(load.started, 1)


def findings(n: Numbers) -> list[Finding]:
    """Nobody waits or is refused while payments answers, and nobody has an order while it is silent."""
    silent = n["open_sold"] <= 2
    return [
        Finding(
            claim="Without a bulkhead those wait who want nothing of payments: its callers have every thread",
            holds=silent and n["open_p50_ms"] >= 400 and n["open_p50_ms"] >= 5 * n["open_calm_ms"],
            measured=f"p50 {n['open_p50_ms']:.0f} ms, {n['open_calm_ms']:.0f} ms in calm times; {n['open_sold']:.0f} "
            "early orders",
            expected="at least 400 ms, and five times the calm one; two early orders at most",
        ),
        Finding(
            claim="With it they are answered as ever, while payments is as silent as before",
            holds=silent
            and n["divided_p90_ms"] <= 0.35 * n["open_p90_ms"]
            and n["open_in_time"] <= 70
            and n["divided_in_time"] >= 90,
            measured=f"p90 {n['open_p90_ms']:.0f} ms and {n['open_in_time']:.0f} % answered within a second without, "
            f"{n['divided_p90_ms']:.0f} ms and {n['divided_in_time']:.0f} % with it",
            expected="p90 0.35 or less of the other; at most 70 %, and at least 90 %; without it two early orders at "
            "most",
        ),
        Finding(
            claim="Who finds all places taken is refused; of those who came early nobody would have bought anyway",
            holds=n["divided_refused"] >= 10 and n["open_refused"] == 0 and silent,
            measured=f"{n['divided_refused']:.0f} refused; without it {n['open_refused']:.0f} were, and "
            f"{n['open_sold']:.0f} of the early ones had their order",
            expected="10 or more; none, and two orders at most",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    wanted, capacity = formulas.in_flight(BUYS, TIMEOUT_S), formulas.throughput_limit(REPLICAS * THREADS, TIMEOUT_S)
    queue_s = (FILLED_S + SILENT_S) / 2 - REPLICAS * THREADS / BUYS
    waiting_s = formulas.queue_delay_s(formulas.backlog(BUYS, capacity, queue_s), capacity)
    return [
        Row(what=f"no bulkhead: who asks waits (payments would take {wanted:.0f} of {REPLICAS * THREADS} threads)",
            unit="ms", formula="half-way: (buyers - threads / timeout) · t / (threads / timeout)",
            expected=1000 * waiting_s, measured=n["open_p50_ms"], question="waits"),
        Row(what="bulkhead: threads that payments has", unit="threads", formula="replicas · places",
            expected=REPLICAS * PLACES, measured=n["divided_threads"]),
        Row(what="bulkhead: who asks waits", unit="ms", formula="as in calm times", expected=n["divided_calm_ms"],
            measured=n["divided_p50_ms"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What those waited who ask for an order, and what the buyers waited."""
    figures = {}
    for what, title in (("order", "Who asks for an order waits"), ("checkout", "Who buys waits")):
        waits = {
            name: [(s.intended_s, s.latency_ms or 0.0) for s in seen[variant].select(what=what).waited_for]
            for variant, name in VARIANTS.items()
        }
        figures[what] = plots.curves(title, "ms", waits, dots=tuple(VARIANTS.values()))
        plots.shade(figures[what], n["open_frozen_s"], n["open_healed_s"], "payments silent")
    return figures


LONG = ("as long as without", "about half as long", "as long as ever")
PRICE = ("nothing: nobody could buy anyway", "orders that would have been placed")


def _long(n: Numbers) -> str:
    share = n["divided_p50_ms"] / max(n["open_p50_ms"], 1)
    return LONG[2] if share <= 0.25 else LONG[1] if share <= 0.75 else LONG[0]


def _price(n: Numbers) -> str:
    return PRICE[0] if n["open_sold"] <= n["divided_sold"] + 2 else PRICE[1]


LAB = Lab(
    slug="bulkhead",
    topic="resilience",
    title="Bulkhead",
    minutes=20,
    question="Payments is silent, and all threads of orders wait for it. Does anybody get an answer who only asks how "
    "an order is?",
    goal="why one slow dependency takes down routes that do not need it, and how a bound on the calls prevents that.",
    map="""\
who buys ═══╗
            ╠══► gateway ──► orders, 2 replicas of 8 threads ──[ 6 places ]──► payments   ◄── frozen
who asks ═══╝                     └──► Postgres""",
    predictions=(
        Number(
            id="waits",
            text=f"{BUYS:g} buyers a second hold a thread for {TIMEOUT_S:g} s each, orders has {REPLICAS * THREADS}. "
            "Five seconds into the silence: how long does somebody wait who only asks for an order?",
            unit="ms",
            low=0,
            high=60_000,
            measured="open_p50_ms",
            factor=2.0,
        ),
        Choice(id="long", text="And with a bulkhead of six places in each replica?", options=LONG, answer=_long),
        Choice(
            id="price",
            text=f"What does the bulkhead cost buyers who come in the first {SILENT_S - LUCKY_S:g} s of the silence?",
            options=PRICE,
            answer=_price,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=10, quick_seconds=3),
    load=LoadPlan(mix="desk", rate=RATE, seconds=18, quick_seconds=12, warm_up_s=0),
    prepare=(),
    method=(undivided, divided),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=200),
)
