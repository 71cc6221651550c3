"""A checkout that waits for its parcel, and one that leaves it to the queue, while the warehouse gets worse."""

from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.queueing import parcels
from labs.queueing.async_checkout_text import TEACHING

RATE = 4.0
KEEPS_UP_MS, SLOW_MS = 180.0, 400.0
BOUND_S = 1.5
LATER_S = 3.0
"""From then on the line is longer than anybody waits."""
PHASES = {
    "steady_before": "queue, all well",
    "waits_a_little": "waits, 180 ms",
    "waits_slow": "waits, 400 ms",
    "queue_slow": "queue, 400 ms",
    "waits_dead": "waits, dead",
    "queue_dead": "queue, dead",
}
EXIST = """
select count(*) as orders from orders.orders join payments.charges on charges.key = charge_key and state = 'charged'
where orders.key in ({keys})
"""


def waits_a_little(shop: Bench) -> None:
    """Let the checkout wait for its parcel. Packing takes 180 ms, and the packer keeps up with four orders a second."""
    shop.flag("orders.ship_in_request", True)
    shop.fault("consumer_slow", "fulfilment", delay_ms=KEEPS_UP_MS)
    shop.load("waits_a_little")


def waits_slow(shop: Bench) -> None:
    """Packing takes 400 ms: two and a half parcels a second for four orders."""
    shop.fault("consumer_slow", "fulfilment", delay_ms=SLOW_MS)
    shop.load("waits_slow")
    _told_an_error(shop, "waits_slow")


def queue_slow(shop: Bench) -> None:
    """Turn one knob: leave the parcel to the queue. The same slow packer, the same load."""
    shop.flag("orders.ship_in_request", False)
    shop.load("queue_slow")
    shop.heal()
    parcels.all_packed(shop)


def waits_dead(shop: Bench) -> None:
    """Kill the warehouse, with a checkout that waits for its parcel."""
    shop.flag("orders.ship_in_request", True)
    shop.fault("process_kill", "fulfilment-1")
    shop.load("waits_dead")
    _told_an_error(shop, "waits_dead")


def queue_dead(shop: Bench) -> None:
    """The same with a checkout that leaves it to the queue; then let the warehouse live again and catch up."""
    shop.flag("orders.ship_in_request", False)
    shop.load("queue_dead")
    shop.heal()
    parcels.all_packed(shop)


def _told_an_error(shop: Bench, phase: str) -> None:
    """Count the shoppers who read an error, and how many of them have an order and were charged for it."""
    keys = shop.phases[phase].load.undecided
    wanted = ", ".join(f"'{key}'" for key in keys) or "''"
    shop.note(f"{phase}_errors", len(keys))
    shop.note(f"{phase}_charged", shop.shop.rows(EXIST.format(keys=wanted))[0]["orders"])


def measure(seen: Seen) -> Numbers:
    """Shares in percent; `_ms` milliseconds; errors and charged are numbers of shoppers; `fastest_ms`: of the
    orders that waited for 180 ms of packing.
    """
    numbers = dict(seen.facts)
    for phase in PHASES:
        numbers |= {f"{phase}_p{percent}_ms": seen[phase].latency.percentile(percent) for percent in (50, 90)}
        numbers |= {f"{phase}_percent": _confirmed(seen[phase]), f"{phase}_confirmed": seen[phase].outcomes["ok"]}
    return numbers | {
        "later_percent": _confirmed(seen["waits_slow"].after(LATER_S)),
        "fastest_ms": _fastest_ms(seen["waits_a_little"]),
        "rise_ms": numbers["waits_a_little_p50_ms"] - numbers["steady_before_p50_ms"],
        "errors": numbers["waits_slow_errors"] + numbers["waits_dead_errors"],
        "charged": numbers["waits_slow_charged"] + numbers["waits_dead_charged"],
    }


def _confirmed(load: LoadResult) -> float:
    return 100 * load.outcomes["ok"] / max(load.started, 1)


def _fastest_ms(load: LoadResult) -> float:
    return min((sample.latency_ms or 0.0 for sample in load.samples if sample.outcome == "ok"), default=0.0)


def findings(n: Numbers) -> list[Finding]:
    """Each needs a warehouse that is slow or dead."""
    return [
        Finding(
            claim="A checkout that waits for its parcel takes as much longer as packing takes",
            holds=0.75 * KEEPS_UP_MS <= n["rise_ms"] <= 3 * KEEPS_UP_MS and n["fastest_ms"] >= KEEPS_UP_MS,
            measured=f"p50 {n['steady_before_p50_ms']:.0f} ms before, {n['waits_a_little_p50_ms']:.0f} ms now, "
            f"at least {n['fastest_ms']:.0f} ms",
            expected=f"{KEEPS_UP_MS:.0f} ms more, between 0.75 and 3 times that; nobody is quicker than packing",
        ),
        Finding(
            claim="A packer that is too slow takes the waiting checkout down, not the one that uses the queue",
            holds=n["waits_slow_percent"] <= 70 and n["queue_slow_percent"] >= 98
            and n["waits_slow_p90_ms"] >= 5 * n["queue_slow_p50_ms"],
            measured=f"waiting: {n['waits_slow_percent']:.0f} % confirmed, p90 {n['waits_slow_p90_ms']:.0f} ms; "
            f"queue: {n['queue_slow_percent']:.0f} %, p50 {n['queue_slow_p50_ms']:.0f} ms",
            expected="at most 70 % against at least 98 %; p90 at least five times the other's p50",
        ),
        Finding(
            claim="Once the line is longer than anybody waits, nearly nobody gets through: parcels are packed for "
            "shoppers who have left",
            holds=n["later_percent"] <= 30,
            measured=f"{n['later_percent']:.0f} % of those who came after {LATER_S:.0f} s",
            expected=f"at most 30 %, although {100 * 1000 / SLOW_MS / RATE:.0f} % could be packed in time",
        ),
        Finding(
            claim="With a dead warehouse the waiting checkout confirms nothing, the one with the queue everything",
            holds=n["waits_dead_percent"] <= 2 and n["queue_dead_percent"] >= 98,
            measured=f"{n['waits_dead_percent']:.0f} % against {n['queue_dead_percent']:.0f} %",
            expected="at most 2 % against at least 98 %",
        ),
        Finding(
            claim="Who read an error at the waiting checkout has an order all the same, and was charged",
            holds=n["errors"] >= 10 and n["charged"] >= 0.9 * n["errors"],
            measured=f"{n['charged']:.0f} of {n['errors']:.0f}",
            expected="at least 10 errors, 90 % of them with a charged order",
        ),
    ]  # fmt: skip


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    first = formulas.served_before_timeout(RATE, SLOW_MS / 1000, BOUND_S)
    return [
        Row(what="waiting, packer keeps up: p50 rises by", unit="ms", formula="the packing time", expected=KEEPS_UP_MS,
            measured=n["rise_ms"], question="rise"),
        Row(what="waiting, packer too slow: p90", unit="ms", formula="the bound on waiting",
            expected=1000 * BOUND_S, measured=n["waits_slow_p90_ms"]),
        Row(what="waiting, packer too slow: so many get through, the first ones", unit="shoppers",
            formula="1 + (bound - s) / (s - 1/λ)", expected=first, measured=n["waits_slow_confirmed"]),
        Row(what="queue, packer too slow: p50", unit="ms", formula="as before", expected=n["steady_before_p50_ms"],
            measured=n["queue_slow_p50_ms"]),
        Row(what="waiting, warehouse dead: confirmed", unit="%", formula="availabilities in series: 0 · 1", expected=0,
            measured=n["waits_dead_percent"]),
        Row(what="queue, warehouse dead: confirmed", unit="%", formula="it is not in the way", expected=100,
            measured=n["queue_dead_percent"], question="queue_dead"),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Who was told that the order is placed, and how long that took."""
    names = list(PHASES.values())
    share = {"confirmed": [n[f"{phase}_percent"] for phase in PHASES]}
    latency = {f"p{percent}": [n[f"{phase}_p{percent}_ms"] for phase in PHASES] for percent in (50, 90)}
    return {
        "confirmed": plots.bars("Shoppers whose order was confirmed", "share of shoppers (%)", names, share),
        "latency": plots.bars("What shoppers waited", "latency (ms, log scale)", names, latency, log=True),
    }


def _served(n: Numbers) -> str:
    if n["later_percent"] >= 85:
        return "all of them, late"
    return "nearly none" if n["later_percent"] <= 30 else "as many as can be packed, 2.5 of 4"


LAB = Lab(
    slug="async-checkout",
    topic="queueing",
    title="Do less in the request",
    minutes=30,
    question="The checkout waits until the parcel is packed, or leaves that to a queue. What does a sick warehouse do "
    "to either?",
    goal="what a synchronous call adds to latency and takes from availability, and what whoever reads an error has.",
    map="""\
             naive: waits for the parcel ──────────────► fulfilment  ◄── slow, then dead
shoppers ──► orders                                          ▲
             good: writes an event ──► outbox ─ relay ─► queue""",
    predictions=(
        Number(
            id="rise",
            text="Packing takes 180 ms and keeps up. By how much does the median of the waiting checkout rise?",
            unit="ms",
            low=0,
            high=5000,
            measured="rise_ms",
            factor=1.5,
        ),
        Choice(
            id="served",
            text="Packing takes 400 ms, four shoppers come each second, each waits 1.5 s at most. How many of them "
            "does the waiting checkout serve once it has a line?",
            options=("as many as can be packed, 2.5 of 4", "nearly none", "all of them, late"),
            answer=_served,
        ),
        Choice(
            id="error",
            text="The warehouse is dead, and a shopper at the waiting checkout reads an error. What does the shopper "
            "have?",
            options=("nothing", "an order, paid for"),
            answer=lambda n: "an order, paid for" if n["waits_dead_charged"] else "nothing",
        ),
        Number(
            id="queue_dead",
            text="The warehouse is dead. Which share of shoppers does the checkout with the queue confirm?",
            unit="%",
            low=0,
            high=100,
            measured="queue_dead_percent",
            factor=1.1,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1000), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=RATE, seconds=10, quick_seconds=4),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=15, quick_seconds=5, warm_up_s=0.0),
    prepare=(),
    method=(waits_a_little, waits_slow, queue_slow, waits_dead, queue_dead),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=18),
)  # fmt: skip
