"""Payments fall silent. What do checkouts cost that wait for them, and who finds out that they are back?"""

import time
from collections.abc import Mapping
from statistics import median
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.resilience.circuit_breaker_text import TEACHING
from labs.shop import Shop

RATE = 7.0
TIMEOUT_S, REST_S = 2.0, 0.5
REPLICAS, THREADS = 2, 16
OPENS_S, SILENT_S = 5.5, 9.5
"""A circuit opens after five failures in a row, each takes the timeout, and so long wait those who asked before."""
BACK_S = 1.5
NEVER_S = 3600.0
VARIANTS = {"without": "no breaker", "breaker": "breaker"}
UNDER_WAY = 'shop_peer_calls_under_way{peer="payments"}'
TIMED_OUT = 'shop_peer_calls_total{outcome="timed_out",peer="payments"}'
REFUSED = 'shop_peer_refused_total{by="breaker",peer="payments"}'
UNSETTLED = "select 1 from orders.attempts where state in ('pending', 'failing') limit 1"


def without(shop: Bench) -> None:
    """Switch off what protects orders from payments, then freeze payments while people buy; then let it go on."""
    shop.flag("orders.bulkhead", False)
    shop.flag("orders.breaker", False)
    freeze_and_resume(shop, "without")


def settle(shop: Bench) -> None:
    """Wait until every checkout that ended in the dark is settled, so that the second variant begins like the first."""
    shop.wait_until(lambda: not shop.shop.rows(UNSETTLED), "every order is settled", timeout_s=60)


def breaker(shop: Bench) -> None:
    """Turn one knob: after five failures in a row leave payments alone, and try it now and then by one call."""
    shop.flag("orders.breaker", True)
    freeze_and_resume(shop, "breaker")


def freeze_and_resume(shop: Bench, variant: str) -> None:
    """Count between the moment when a circuit is open, if there is one, and the end of the silence."""
    with shop.loading(variant), shop.watching(f"{variant}_threads", waiting_threads):
        began = time.time()
        shop.wait_till(began + 1.5, "some have bought")
        shop.fault("process_pause", "payments-1")
        frozen = time.time()
        shop.wait_till(frozen + OPENS_S, "five failures in a row are behind us")
        before, opened = shop.shop.metrics("orders"), time.time()
        shop.wait_till(frozen + SILENT_S, "payments was silent for a while")
        after, healed = shop.shop.metrics("orders"), time.time()
        shop.heal()
    began = shop.phases[variant].load.started_at
    for name, at in (("frozen", frozen), ("opened", opened), ("healed", healed)):
        shop.note(f"{variant}_{name}_s", at - began)
    for name, counter in (("asked", TIMED_OUT), ("refused", REFUSED)):
        shop.note(f"{variant}_{name}", after.get(counter, 0) - before.get(counter, 0))


def waiting_threads(shop: Shop) -> float:
    """How many threads of orders wait for payments at this moment."""
    return shop.metrics("orders").get(UNDER_WAY, 0.0)


def measure(seen: Seen) -> Numbers:
    """Between the opening and the end: `_failed` checkouts and their `_wait_ms` (median), `_threads` (mean) and calls
    that payments was `_asked` per second. After the end: the first order after `_back_s`, then `_ok_percent`.
    """
    n = dict(seen.facts)
    for variant in VARIANTS:
        load, healed_s, opened_s = seen[variant], n[f"{variant}_healed_s"], n[f"{variant}_opened_s"]
        failed = [s for s in load.select(since_s=opened_s, until_s=healed_s).waited_for if s.outcome != "ok"]
        n[f"{variant}_failed"] = len(failed)
        n[f"{variant}_wait_ms"] = median([s.latency_ms or 0 for s in failed] or [0.0])
        n[f"{variant}_asked_per_s"] = n[f"{variant}_asked"] / (healed_s - opened_s)
        n[f"{variant}_threads"] = seen.mean(f"{variant}_threads", variant, opened_s, healed_s)
        n[f"{variant}_back_s"] = _first_order(load, healed_s) - healed_s
        late = load.select(since_s=healed_s + BACK_S)
        n[f"{variant}_ok_percent"] = 100 * late.outcomes["ok"] / max(late.started, 1)
    return n


def _first_order(load: LoadResult, since_s: float) -> float:
    """When the first order after a moment was confirmed; an hour later if none was."""
    confirmed = (s.done_s for s in load.samples if s.outcome == "ok" and s.done_s is not None and s.done_s > since_s)
    return min(confirmed, default=since_s + NEVER_S)


def findings(n: Numbers) -> list[Finding]:
    """Nobody waits, fails or is refused while payments answers."""
    silent = n["without_asked"] >= 10
    return [
        Finding(
            claim="Without a breaker everybody waits for the whole timeout in vain; with one the answer comes at once",
            holds=min(n["without_failed"], n["breaker_failed"]) >= 10
            and n["without_wait_ms"] >= 800 * TIMEOUT_S
            and n["breaker_wait_ms"] <= 0.25 * n["without_wait_ms"],
            measured=f"{n['without_failed']:.0f} failed after {n['without_wait_ms']:.0f} ms (median); with a breaker "
            f"{n['breaker_failed']:.0f} after {n['breaker_wait_ms']:.0f} ms",
            expected=f"at least {800 * TIMEOUT_S:.0f} ms; a quarter of it or less; 10 or more failed in both",
        ),
        Finding(
            claim="Without a breaker the waiting fills the threads of orders; with one only its trials wait",
            holds=silent
            and n["without_threads"] >= 0.5 * RATE * TIMEOUT_S
            and n["breaker_threads"] <= n["without_threads"] / 3,
            measured=f"{n['without_threads']:.1f} threads of {THREADS} on the mean, {n['breaker_threads']:.1f} with "
            f"it; without, {n['without_asked']:.0f} calls ended with the timeout",
            expected=f"at least {0.5 * RATE * TIMEOUT_S:.0f}, and a third or less; at least 10 timeouts",
        ),
        Finding(
            claim="Who is sick is left alone: with a breaker payments is asked a few times instead of by everybody",
            holds=silent and n["breaker_asked"] <= 0.4 * n["without_asked"],
            measured=f"{n['without_asked']:.0f} calls that ended with the timeout, {n['breaker_asked']:.0f} with it",
            expected="at least 10, and 0.4 of them or less",
        ),
        Finding(
            claim="One trial that succeeds closes the circuit: orders are confirmed again at once, without an operator",
            holds=n["breaker_refused"] >= 10 and n["breaker_back_s"] <= 2 and n["breaker_ok_percent"] >= 90,
            measured=f"{n['breaker_refused']:.0f} refused before; the first order {n['breaker_back_s']:.1f} s after "
            f"payments went on, {n['breaker_ok_percent']:.0f} % confirmed from {BACK_S:g} s on",
            expected="10 or more refused; 2 s at most; 90 % or more",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="no breaker: a failed checkout takes", unit="ms", formula="the timeout", expected=1000 * TIMEOUT_S,
            measured=n["without_wait_ms"]),
        Row(what="no breaker: threads that wait", unit="threads", formula="rate · timeout (Little's law)",
            expected=formulas.in_flight(RATE, TIMEOUT_S), measured=n["without_threads"], question="threads"),
        Row(what="breaker: threads that wait", unit="threads", formula="replicas · timeout / (timeout + rest)",
            expected=formulas.trials_per_s(REPLICAS, TIMEOUT_S, REST_S) * TIMEOUT_S, measured=n["breaker_threads"]),
        Row(what="no breaker: calls to payments", unit="calls/s", formula="rate", expected=RATE,
            measured=n["without_asked_per_s"]),
        Row(what="breaker: calls to payments", unit="calls/s", formula="replicas / (timeout + rest)",
            expected=formulas.trials_per_s(REPLICAS, TIMEOUT_S, REST_S), measured=n["breaker_asked_per_s"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Each checkout's time, and the threads that wait, both from the moment payments fell silent."""
    waits, threads = {}, {}
    for variant, name in VARIANTS.items():
        frozen_s = n[f"{variant}_frozen_s"]
        waits[name] = [(s.intended_s - frozen_s, s.latency_ms or 0.0) for s in seen[variant].waited_for]
        begin = seen[variant].started_at + frozen_s
        threads[name] = [(at - begin, value) for at, value in seen.series[f"{variant}_threads"]]
    figures = {
        "waits": plots.curves("What each checkout took", "ms", waits, dots=tuple(VARIANTS.values())),
        "threads": plots.curves("Threads of orders that wait for payments", "threads", threads),
    }
    for figure in figures.values():
        plots.shade(figure, n["without_frozen_s"], n["without_healed_s"], "payments silent")
    return figures


WAITS = ("about as long as ever", "the whole timeout", "next to nothing")
BACK = ("within 2 s", "within 10 s", "not before somebody closes the circuit")


def _waits(n: Numbers) -> str:
    if n["breaker_wait_ms"] > 500 * TIMEOUT_S:
        return WAITS[1]
    return WAITS[2] if n["breaker_wait_ms"] < 500 else WAITS[0]


def _back(n: Numbers) -> str:
    return BACK[0] if n["breaker_back_s"] <= 2 else BACK[1] if n["breaker_back_s"] <= 10 else BACK[2]


LAB = Lab(
    slug="circuit-breaker",
    topic="resilience",
    title="Circuit breaker",
    minutes=25,
    question="Payments fall silent for a while. What does it cost to go on asking them, and who notices that they are "
    "back?",
    goal="why a slow failure is worse than a quick one, how many threads it takes (rate times timeout), and what "
    "closed, open and half-open mean.",
    map="""\
shopper ══► gateway ──► orders, 2 replicas of 8 threads ──[ breaker ]──► payments   ◄── frozen: connects, never answers
                          closed: everybody asks   open: nobody, refused at once   half-open: one""",
    predictions=(
        Number(
            id="threads",
            text=f"{RATE:g} checkouts a second, payments never answers, orders waits {TIMEOUT_S:g} s for it, no "
            f"breaker: how many of the {THREADS} threads of orders wait?",
            unit="threads",
            low=0,
            high=100,
            measured="without_threads",
            factor=1.4,
        ),
        Choice(
            id="waits",
            text="With an open circuit: how long does a shopper wait for the bad news?",
            options=WAITS,
            answer=_waits,
        ),
        Choice(
            id="back",
            text="Payments answers again. When is the next order confirmed, with a breaker?",
            options=BACK,
            answer=_back,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=RATE, seconds=10, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=17, quick_seconds=14, warm_up_s=0),
    prepare=(),
    method=(without, settle, breaker),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=60),
)
