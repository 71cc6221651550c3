"""Packing becomes slower than buying. Who notices, by how much, and how long does it take to catch up?"""

import time
from collections.abc import Mapping
from statistics import median
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.queueing import parcels
from labs.queueing.queue_backlog_text import TEACHING

RATE = 6.0
CAPACITY = 3.0
PACK_MS = 333.3
PACKERS = 4
GONE = 4
"""So many orders in hand count as no backlog: one for each packer."""


def slow_packing(shop: Bench) -> None:
    """Make packing slow: a third of a second for each parcel, so one packer manages three orders a second."""
    shop.fault("consumer_slow", "fulfilment", delay_ms=PACK_MS)


def a_sale(shop: Bench) -> None:
    """Sell six orders a second all the same, and count those that wait for their parcel."""
    with _watching(shop):
        shop.load("slow")


def more_packers(shop: Bench) -> None:
    """The sale goes on; turn one knob: four packers instead of one. How long until the backlog is gone?"""
    with _watching(shop), shop.loading("helped", HELPED):
        shop.scale("fulfilment", PACKERS)
        shop.facts["helped_at"] = time.time()
        shop.wait_until(lambda: parcels.waiting(shop.shop) <= GONE, "the backlog is gone", timeout_s=60)
        shop.facts["gone_at"] = time.time()
    parcels.all_packed(shop)
    shop.series["delay"] = list(parcels.delays(shop.shop, shop.phases["steady_before"].load.started_at))


def _watching(shop: Bench) -> Any:
    return shop.watching("backlog", parcels.waiting)


def measure(seen: Seen) -> Numbers:
    """Times in seconds unless named otherwise; `backlog` and `peak` are orders."""
    begin, end = seen["slow"].started_at, seen["slow"].started_at + seen["slow"].duration_s
    called, helped, gone = seen["helped"].started_at, seen.facts["helped_at"], seen.facts["gone_at"]
    backlog, delay = seen.series["backlog"], seen.series["delay"]
    placed, late = _last_before(delay, called)
    selling = [(at, value) for at, value in backlog if begin <= at <= end]
    packed = sum(begin <= at + value <= called for at, value in delay) / (called - begin)
    numbers = {
        "growth": (selling[-1][1] - selling[0][1]) / (selling[-1][0] - selling[0][0]),
        "backlog": selling[-1][1],
        "seconds": end - begin,
        "packed_per_s": packed,
        "normal_delay_s": median(parcels.between(delay, 0, begin) or [0.0]),
        "late_placed_s": placed - begin,
        "late_delay_s": late,
        "late_expected_s": _delay_of(placed - begin),
        "worst_delay_s": max((value for _, value in delay), default=0.0),
        "helped_backlog": _at(backlog, helped),
        "drain_s": gone - helped,
    }
    net = (numbers["helped_backlog"] - GONE) / max(numbers["drain_s"], 0.1)
    numbers |= {"drain_of_40_s": 40 / max(net, 0.1), "delay_of_40_s": 40 / max(packed, 0.1)}
    return numbers | {
        f"{name}_p{percent}_ms": seen[phase].latency.percentile(percent)
        for name, phase in (("normal", "steady_before"), ("slow", "slow"), ("helped", "helped"))
        for percent in (50, 90)
    }


def _delay_of(placed_s: float) -> float:
    """backlog / μ for an order placed so many seconds after packing became slow."""
    return formulas.queue_delay_s(formulas.backlog(RATE, CAPACITY, placed_s), CAPACITY)


def _last_before(delay: parcels.Points, end: float) -> tuple[float, float]:
    """When the parcel that was packed last before `end` was ordered, and how late it was."""
    return max(((at, value) for at, value in delay if at + value <= end), key=lambda point: point[0] + point[1])


def _at(points: parcels.Points, moment: float) -> float:
    """The value sampled nearest to a moment."""
    return min(points, key=lambda point: abs(point[0] - moment))[1]


def findings(n: Numbers) -> list[Finding]:
    """Each needs a backlog that grows as slow packing makes it grow: others come and go."""
    growth, drain = RATE - CAPACITY, expected_drain_s(n)
    grows, growing = n["growth"] >= 0.7 * growth, f"the backlog grew by {0.7 * growth:.1f} a second at least"
    late, normal = n["late_delay_s"], n["normal_delay_s"]
    felt_s = (n["slow_p50_ms"] - n["normal_p50_ms"]) / 1000
    return [
        Finding(
            claim="The backlog grows by what is bought minus what is packed, second after second",
            holds=n["backlog"] >= 10 and grows and n["growth"] <= 1.4 * growth,
            measured=f"{n['growth']:.1f} orders more each second, {n['backlog']:.0f} in the end",
            expected=f"λ - μ = {growth:.0f} a second, within 0.7 and 1.4 of it; at least 10 in the end",
        ),
        Finding(
            claim="Parcels become ten times later, and who checks out notices at most a twentieth of that",
            holds=grows and late >= 10 * normal and late >= 2 and felt_s <= (late - normal) / 20,
            measured=f"parcels: {normal:.2f} s before, {late:.1f} s now; checkout p50: {n['normal_p50_ms']:.0f} ms "
            f"before, {n['slow_p50_ms']:.0f} ms now",
            expected=f"ten times and 2 s at least; the checkout's median rises by a twentieth of it at most; {growing}",
        ),
        Finding(
            claim="A parcel is as late as the backlog in front of it takes to pack",
            holds=grows and late >= 2 and 0.67 <= late / max(n["late_expected_s"], 0.1) <= 1.5,
            measured=f"ordered after {n['late_placed_s']:.1f} s, packed {late:.1f} s later",
            expected=f"at least 2 s; backlog / μ = {n['late_expected_s']:.1f} s, to a factor of 1.5; {growing}",
        ),
        Finding(
            claim="With four packers the backlog is gone after backlog / (μ' - λ), while the sale goes on",
            holds=grows and n["helped_backlog"] >= 10 and 0.5 <= n["drain_s"] / drain <= 2,
            measured=f"{n['helped_backlog']:.0f} orders gone in {n['drain_s']:.1f} s",
            expected=f"at least 10 orders; {drain:.1f} s, to a factor of 2; {growing}",
        ),
    ]


def expected_drain_s(n: Numbers) -> float:
    """From the moment when all four packers worked."""
    return max(formulas.drain_s(n["helped_backlog"] - GONE, PACKERS * CAPACITY, RATE), 0.1)


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    forty = formulas.drain_s(40, PACKERS * CAPACITY, RATE)
    return [
        Row(what="the backlog grows by", unit="orders/s", formula="λ - μ", expected=RATE - CAPACITY,
            measured=n["growth"], question="growth"),
        Row(what=f"backlog after {n['seconds']:.0f} s", unit="orders", formula="(λ - μ)·t",
            expected=formulas.backlog(RATE, CAPACITY, n["seconds"]), measured=n["backlog"]),
        Row(what="one packer packs", unit="orders/s", formula="μ = 1 / packing time", expected=CAPACITY,
            measured=n["packed_per_s"]),
        Row(what=f"delay of the parcel ordered after {n['late_placed_s']:.1f} s", unit="s",
            formula="backlog / μ = (λ - μ)·t / μ", expected=n["late_expected_s"], measured=n["late_delay_s"]),
        Row(what="delay behind 40 orders", unit="s", formula="40 / μ",
            expected=formulas.queue_delay_s(40, CAPACITY), measured=n["delay_of_40_s"], question="delay_of_40"),
        Row(what=f"{n['helped_backlog']:.0f} orders are gone after", unit="s", formula="backlog / (μ' - λ)",
            expected=expected_drain_s(n), measured=n["drain_s"]),
        Row(what="40 orders are gone after", unit="s", formula="40 / (μ' - λ)", expected=forty,
            measured=n["drain_of_40_s"], question="drain_of_40"),
        Row(what="checkout p50 while the backlog grows", unit="ms", formula="as before",
            expected=n["normal_p50_ms"], measured=n["slow_p50_ms"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """The backlog beside its formula, every parcel's delay beside its own, and what shoppers felt."""
    begin, helped, gone = seen["slow"].started_at, seen.facts["helped_at"], seen.facts["gone_at"]
    end = begin + seen["slow"].duration_s
    late = formulas.backlog(RATE, CAPACITY, end - begin)
    backlog = {
        "orders waiting": seen.series["backlog"],
        "(λ - μ)·t": [(begin, 0.0), (end, late)],
        "down at μ' - λ": [(helped, n["helped_backlog"]), (helped + expected_drain_s(n), GONE)],
    }
    delay = {
        "parcels": [point for point in seen.series["delay"] if point[0] >= begin],
        "backlog / μ": [(begin, 0.0), (end, late / CAPACITY)],
    }
    latency = {f"p{p}": [n[f"{when}_p{p}_ms"] for when in ("normal", "slow", "helped")] for p in (50, 90)}
    figure = plots.curves("Orders that wait for their parcel", "orders", backlog)
    plots.shade(figure, helped - seen.series["backlog"][0][0], gone - seen.series["backlog"][0][0], "four packers")
    return {
        "backlog": figure,
        "delay": plots.curves(
            "How late each parcel was packed, by the time of its order", "seconds", delay, dots=["parcels"]
        ),
        "checkout": plots.bars(
            "What shoppers waited at the checkout",
            "latency (ms)",
            ["before", "backlog grows", "backlog drains"],
            latency,
        ),
    }


def _felt(n: Numbers) -> str:
    if n["slow_p50_ms"] >= 500:
        return "it grows with the backlog"
    return "it rises by the packing time" if n["slow_p50_ms"] - n["normal_p50_ms"] >= 160 else "nothing"


HELPED = LoadPlan(mix="checkout", rate=RATE, seconds=25, quick_seconds=14)

LAB = Lab(
    slug="queue-backlog",
    topic="queueing",
    title="The queue as a shock absorber",
    minutes=25,
    question="Packing becomes slower than buying for a while. Who notices, and how long does it take to catch up?",
    goal="how fast a backlog grows, who pays for it and how much, and how long it takes to drain: by three formulas.",
    map="""\
shoppers ──► orders ──► outbox ─ relay ──► queue ──► fulfilment, one (then four) ──► parcel
             6 a second                    ▓▓▓▓▓     1/3 s for a parcel ◄── became slow
             201 Created, at once          the backlog""",
    predictions=(
        Number(
            id="growth",
            text="6 orders a second arrive, a parcel takes a third of a second, there is one packer: by how much does "
            "the backlog grow each second?",
            unit="orders/s",
            low=0,
            high=100,
            measured="growth",
        ),
        Choice(
            id="checkout",
            text="What happens to the checkout's median meanwhile?",
            options=("nothing", "it rises by the packing time", "it grows with the backlog"),
            answer=_felt,
        ),
        Number(
            id="delay_of_40",
            text="40 orders wait. How long does the next one wait for its parcel, if nobody helps?",
            unit="s",
            low=0,
            high=600,
            measured="delay_of_40_s",
        ),
        Number(
            id="drain_of_40",
            text="40 orders wait and four packers take over, while 6 orders a second still arrive. How long until the "
            "backlog is gone?",
            unit="s",
            low=0,
            high=600,
            measured="drain_of_40_s",
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1000), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=RATE, seconds=10, quick_seconds=4),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=24, quick_seconds=14, warm_up_s=0.0),
    prepare=(),
    method=(slow_packing, a_sale, more_packers),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=50),
)  # fmt: skip
