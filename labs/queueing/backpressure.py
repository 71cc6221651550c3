"""More is ordered than can be packed, all day. Who tells the shop, and what does it say to shoppers?"""

from collections.abc import Mapping
from statistics import median
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.queueing import parcels
from labs.queueing.backpressure_text import TEACHING

RATE = 8.0
CAPACITY = 4.0
PACK_MS = 1000 / CAPACITY
LIMIT_S = 2.0
LOOKS_S = 0.5
PROMISES = """
select extract(epoch from placed_at)::float8 as placed, extract(epoch from promised_for - placed_at)::float8 as promise
from orders.orders where promised_for is not null and placed_at >= to_timestamp({since}) order by placed_at
"""
TRIED = "select count(*) as attempts from orders.attempts where key in ({keys})"


def short_of_hands(shop: Bench) -> None:
    """Make packing slow: 250 ms for each parcel, so the warehouse manages four orders a second."""
    shop.flag("orders.intake_limit_s", LIMIT_S)
    shop.flag("orders.intake", "off")
    shop.fault("consumer_slow", "fulfilment", delay_ms=PACK_MS)


def take_everything(shop: Bench) -> None:
    """Sell eight orders a second; nobody tells the shop that they cannot be packed."""
    with _watching(shop):
        shop.load("off")


def refuse(shop: Bench) -> None:
    """Turn one knob, refuse: whoever would wait longer than two seconds is told so before anything is charged."""
    shop.flag("orders.intake", "refuse")
    with _watching(shop):
        shop.load("refuse", LONGER)
    keys = ", ".join(f"'{key}'" for key in shop.phases["refuse"].load.undecided) or "''"
    shop.note("refused_attempts", shop.shop.rows(TRIED.format(keys=keys))[0]["attempts"])


def promise(shop: Bench) -> None:
    """Turn it again, promise later: take every order, and say when it will be packed. Then wait until all are."""
    shop.flag("orders.intake", "promise_later")
    with _watching(shop):
        shop.load("promise_later")
        parcels.all_packed(shop, timeout_s=60)
    since = shop.phases["off"].load.started_at
    shop.series["delay"] = list(parcels.delays(shop.shop, since))
    shop.series["promise"] = [(row["placed"], row["promise"]) for row in shop.shop.rows(PROMISES.format(since=since))]


def _watching(shop: Bench) -> Any:
    return shop.watching("backlog", parcels.waiting)


def measure(seen: Seen) -> Numbers:
    """Delays and promises in seconds, shares in percent; rates in orders per second."""
    off, refused, later = (seen[phase] for phase in ("off", "refuse", "promise_later"))
    delay = [_of(seen.series["delay"], load) for load in (off, refused, later)]
    worst = [max(values, default=0.0) for values in delay]
    settled_s = off.duration_s  # by then what the naive shop left behind is packed, and orders are taken again
    settled = refused.after(settled_s)
    kept = _kept(seen)
    return {
        "off_worst_s": worst[0],
        "off_seconds": off.duration_s,
        "growth": worst[0] / off.duration_s,
        "refuse_worst_s": worst[1],
        "refused": _refused(refused),
        "refused_percent": 100 * _refused(settled) / max(settled.started, 1),
        "refused_attempts": seen.facts["refused_attempts"],
        "admitted_per_s": settled.outcomes["ok"] / (refused.duration_s - settled_s),
        "packed_per_s": _packed_per_s(seen.series["delay"], off.started_at, refused.started_at + refused.duration_s),
        "later_worst_s": worst[2],
        "later_percent": 100 * later.outcomes["ok"] / max(later.started, 1),
        "promised": len(kept),
        "kept_ratio": median(kept or [0.0]),
        "really_s": 6 * median(kept or [0.0]),
    }


def _of(points: parcels.Points, load: LoadResult) -> list[float]:
    """The values that belong to orders placed during a load."""
    return parcels.between(points, load.started_at, load.started_at + load.duration_s)


def _refused(load: LoadResult) -> int:
    return sum(sample.status == 503 for sample in load.samples)


def _packed_per_s(delay: parcels.Points, begin: float, end: float) -> float:
    return sum(begin <= at + value <= end for at, value in delay) / (end - begin)


def _kept(seen: Seen) -> list[float]:
    """For every order with a promise: how long it really took, as a multiple of what was promised."""
    real = dict(seen.series["delay"])
    return [real[placed] / promised for placed, promised in seen.series["promise"] if placed in real]


def findings(n: Numbers) -> list[Finding]:
    """Each needs orders that cannot be packed in time: late, and because packing is slow."""
    short = n["off_worst_s"] >= 2 * LIMIT_S and n["packed_per_s"] <= 1.4 * CAPACITY
    slow = f"at most {1.4 * CAPACITY:.1f} a second"
    late = f"in the naive shop {2 * LIMIT_S:.0f} s late at least, {slow} packed"
    return [
        Finding(
            claim="Where nobody tells the shop, every second of the sale makes parcels (λ - μ)/μ seconds later",
            holds=short and 0.67 <= n["growth"] / expected_growth() <= 2,
            measured=f"{n['off_worst_s']:.1f} s late after {n['off_seconds']:.0f} s: {n['growth']:.2f} a second; "
            f"{n['packed_per_s']:.1f} orders a second were packed",
            expected=f"at least {2 * LIMIT_S:.0f} s; {expected_growth():.1f} a second, to 0.67 and 2 times that; "
            f"{slow} packed",
        ),
        Finding(
            claim="An intake that knows the warehouse takes what can be packed, and refuses the rest",
            holds=short and n["refused_percent"] >= 20 and 0.6 <= n["admitted_per_s"] / CAPACITY <= 1.4,
            measured=f"takes {n['admitted_per_s']:.1f} orders a second, refuses {n['refused_percent']:.0f} %",
            expected=f"μ = {CAPACITY:.0f} a second, between 0.6 and 1.4 times that; refuses at least 20 %; {late}",
        ),
        Finding(
            claim="No order that is taken waits more than twice the limit; in the naive shop it did",
            holds=short and n["refuse_worst_s"] <= 2 * LIMIT_S < n["off_worst_s"],
            measured=f"at most {n['refuse_worst_s']:.1f} s, against {n['off_worst_s']:.1f} s",
            expected=f"at most {2 * LIMIT_S:.0f} s, against more; {slow} packed",
        ),
        Finding(
            claim="Who is refused is charged nothing: the shop has not even begun",
            holds=short and n["refused"] >= 10 and n["refused_attempts"] == 0,
            measured=f"{n['refused']:.0f} refused, {n['refused_attempts']:.0f} of them begun",
            expected=f"at least 10, none; {late}",
        ),
        Finding(
            claim="Or it takes every order and promises honestly: parcels come when it was said, to a factor of 1.5",
            holds=short and n["promised"] >= 10 and n["later_percent"] >= 98 and 0.67 <= n["kept_ratio"] <= 1.5,
            measured=f"{n['later_percent']:.0f} % taken, {n['promised']:.0f} with a promise; at the median it took "
            f"{n['kept_ratio']:.2f} times what was promised",
            expected=f"at least 98 %, 10 of them with a promise; 0.67 to 1.5 times; {late}",
        ),
    ]


def expected_growth() -> float:
    """Seconds of delay for each second of sale: backlog(t)/μ by t."""
    return formulas.queue_delay_s(formulas.backlog(RATE, CAPACITY, 1), CAPACITY)


def overshoot_s() -> float:
    """What comes in between two looks at the backlog waits in addition to the limit."""
    return formulas.queue_delay_s(RATE * LOOKS_S, CAPACITY)


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    late = expected_growth() * n["off_seconds"]
    return [
        Row(what="the warehouse packs", unit="orders/s", formula="μ = 1 / packing time", expected=CAPACITY,
            measured=n["packed_per_s"]),
        Row(what="off: each second makes parcels later by", unit="s", formula="(λ - μ) / μ",
            expected=expected_growth(), measured=n["growth"], question="growth"),
        Row(what=f"off: the last parcel after {n['off_seconds']:.0f} s is late by", unit="s",
            formula="backlog / μ = (λ - μ)·t / μ", expected=late, measured=n["off_worst_s"]),
        Row(what="refuse: orders taken", unit="orders/s", formula="μ", expected=CAPACITY, measured=n["admitted_per_s"],
            question="admitted"),
        Row(what="refuse: orders refused", unit="%", formula="1 - μ/λ", expected=100 * (1 - CAPACITY / RATE),
            measured=n["refused_percent"]),
        Row(what="refuse: the longest wait", unit="s", formula="limit + λ · time between looks / μ",
            expected=LIMIT_S + overshoot_s(), measured=n["refuse_worst_s"]),
        Row(what="promise later: promised 6 s, packed after", unit="s", formula="what was promised", expected=6,
            measured=n["really_s"], question="really"),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """The backlog under each policy, every parcel's delay beside its promise, and what became of orders."""
    start = seen["off"].started_at
    end = max((at for at, _ in seen.series["backlog"]), default=start)
    delay = {
        "packed": seen.series["delay"],
        "promised": seen.series["promise"],
        "limit": [(start, LIMIT_S), (end, LIMIT_S)],
    }
    figures = {
        "backlog": plots.curves("Orders that wait for their parcel", "orders", {"waiting": seen.series["backlog"]}),
        "delay": plots.curves(
            "How late each parcel was packed, by the time of its order", "seconds", delay, dots=["packed", "promised"]
        ),
    }
    for figure in figures.values():
        for phase in ("off", "refuse", "promise_later"):
            begin = seen[phase].started_at - start
            plots.shade(figure, begin, begin + seen[phase].duration_s, phase.replace("_", " "))
    phases = ("off", "refuse", "promise_later")
    fate = {
        "taken": [seen[phase].outcomes["ok"] / seen[phase].duration_s for phase in phases],
        "refused": [_refused(seen[phase]) / seen[phase].duration_s for phase in phases],
    }
    return figures | {"fate": plots.bars("What became of orders", "orders per second", list(phases), fate, digits=1)}


def _longest(n: Numbers) -> str:
    if n["refuse_worst_s"] <= 1.1 * LIMIT_S:
        return "2 s"
    return "between 2 and 4 s" if n["refuse_worst_s"] <= 2 * LIMIT_S else "more"


LONGER = LoadPlan(mix="checkout", rate=RATE, seconds=25, quick_seconds=11, warm_up_s=0.0)

LAB = Lab(
    slug="backpressure",
    topic="queueing",
    title="Backpressure from the slowest link",
    minutes=30,
    question="More is ordered than the warehouse can pack, all day. Who tells the shop, and what does it tell people?",
    goal="why a queue without a limit only postpones the failure, and what an intake that knows the warehouse can do.",
    map="""\
shoppers ──► orders ──► outbox ─ relay ──► queue ──► fulfilment   ◄── 4 a second, all day
    8 a second ▲                                         │
               └──── how many wait, how many left ◄──────┘
               off: take everything | refuse above 2 s | promise later""",
    predictions=(
        Number(
            id="growth",
            text="Nobody tells the shop: 8 orders a second, 4 are packed. By how many seconds later does each second "
            "of the sale make parcels?",
            unit="s",
            low=0,
            high=60,
            measured="growth",
        ),
        Number(
            id="admitted",
            text="The intake refuses whoever would wait longer than 2 s. How many orders a second does it take?",
            unit="orders/s",
            low=0,
            high=8,
            measured="admitted_per_s",
            factor=1.4,
        ),
        Choice(
            id="longest",
            text="It looks at the backlog twice a second. How long does the order wait that waits longest?",
            options=("2 s", "between 2 and 4 s", "more"),
            answer=_longest,
        ),
        Number(
            id="really",
            text="Instead it takes every order and says when it will be packed. Promised in 6 s: packed after?",
            unit="s",
            low=0,
            high=600,
            measured="really_s",
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1000), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=RATE, seconds=10, quick_seconds=4),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=10, quick_seconds=6, warm_up_s=0.0),
    prepare=(),
    method=(short_of_hands, take_everything, refuse, promise),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=40),
)  # fmt: skip
