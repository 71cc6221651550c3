"""A worker dies between its work and the word to the broker, again and again. Is anything packed twice, or never?"""

from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.queueing import parcels
from labs.queueing.redelivery_text import TEACHING

RATE = 8.0
PACK_S = 0.05
CRASHES = 5
PREFETCH = 10
WORKER = "fulfilment-1"
VARIANTS = {"forgetful": "without memory", "idempotent": "idempotent"}
SENT = """
select count(distinct order_id) as orders, count(distinct shipments.order_id) as packed, count(parcel_id) as parcels
from orders.orders left join fulfilment.shipments using (order_id) left join fulfilment.parcels using (order_id)
where placed_at >= to_timestamp({since})
"""
QUIET = "select coalesce(max(packed_at) < now() - interval '1 s', true) as quiet from fulfilment.parcels"


def a_warehouse(shop: Bench) -> None:
    """Let packing take 50 ms; parcels too many are called back at the end of the lab."""
    shop.at_last("recall")
    shop.flag("fulfilment.pack_ms", PACK_S * 1000)


def without_memory(shop: Bench) -> None:
    """Have the warehouse forget what it has packed, and kill its worker five times between work and acknowledgement."""
    shop.flag("fulfilment.idempotent", False)
    sell_and_crash(shop, "forgetful")
    shop.note("violated", len(shop.shop.check()))


def call_back(shop: Bench) -> None:
    """Call back every parcel beyond the first of its order."""
    shop.note("called_back", shop.recall())
    shop.note("violated_after", len(shop.shop.check()))


def idempotent(shop: Bench) -> None:
    """Turn one knob: look up what is packed, and note it in the transaction that packs. The same five crashes again."""
    shop.flag("fulfilment.idempotent", True)
    sell_and_crash(shop, "idempotent")


def sell_and_crash(shop: Bench, variant: str) -> None:
    """Orders come in while the worker dies after its work; count parcels when all is quiet."""
    with shop.watching(f"{variant}_waiting", parcels.waiting):
        with shop.loading(variant):
            already = len(shop.faults)
            shop.fault("crash_before_ack", WORKER, crashes=CRASHES)
            shop.faults_end()  # it returns when the last crash is over
            shop.note(f"{variant}_crashes", sum(fault["params"]["crashes"] for fault in shop.faults[already:]))
        parcels.all_packed(shop, timeout_s=60)
    shop.wait_until(lambda: shop.shop.rows(QUIET)[0]["quiet"], "nothing is packed any more")
    (sent,) = shop.shop.rows(SENT.format(since=shop.phases[variant].load.started_at))
    for what in ("orders", "packed", "parcels"):
        shop.note(f"{variant}_{what}", sent[what])


def measure(seen: Seen) -> Numbers:
    """Counts, for each variant: orders confirmed, orders packed, parcels sent, those too many, those missing."""
    n = dict(seen.facts)
    for variant in VARIANTS:
        n[f"{variant}_surplus"] = n[f"{variant}_parcels"] - n[f"{variant}_packed"]
        n[f"{variant}_missing"] = n[f"{variant}_orders"] - n[f"{variant}_packed"]
    return n


def findings(n: Numbers) -> list[Finding]:
    """Nothing is done twice, and nothing could be lost, without a crash."""
    crashes, surplus = n["forgetful_crashes"], n["forgetful_surplus"]
    return [
        Finding(
            claim="Killed between work and acknowledgement, a worker without memory packs again: a parcel per crash",
            holds=0 < crashes <= surplus <= 2 * crashes,
            measured=f"{n['forgetful_parcels']:.0f} parcels for {n['forgetful_packed']:.0f} orders: {surplus:.0f} too "
            f"many after {crashes:.0f} crashes",
            expected="one for each crash; up to two if a busy machine had work tried again",
        ),
        Finding(
            claim="The shop's books show the damage, and calling the surplus back repairs it",
            holds=0 < crashes <= surplus == n["called_back"] and n["violated"] > 0 == n["violated_after"],
            measured=f"{n['violated']:.0f} invariants violated, {n['called_back']:.0f} parcels called back, then "
            f"{n['violated_after']:.0f} violated",
            expected="some violated; as many called back as were too many, one for each crash at least; then none",
        ),
        Finding(
            claim="Idempotent, it packs every order once in effect, through the same crashes",
            holds=n["idempotent_crashes"] > 0 == n["idempotent_surplus"],
            measured=f"{n['idempotent_parcels']:.0f} parcels for {n['idempotent_packed']:.0f} orders after "
            f"{n['idempotent_crashes']:.0f} crashes",
            expected="none too many",
        ),
        Finding(
            claim="Neither loses an order: what is not acknowledged is delivered again",
            holds=min(n[f"{variant}_crashes"] for variant in VARIANTS) > 0
            and all(n[f"{variant}_missing"] == 0 for variant in VARIANTS),
            measured=", ".join(f"{name}: {n[f'{variant}_missing']:.0f} of {n[f'{variant}_orders']:.0f} orders missing "
                               f"after {n[f'{variant}_crashes']:.0f} crashes" for variant, name in VARIANTS.items()),
            expected="none missing, with crashes",
        ),
    ]  # fmt: skip


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="without memory: parcels too many", unit="parcels", formula="crashes · 1 done, not acknowledged",
            expected=formulas.done_again(int(n["forgetful_crashes"])), measured=n["forgetful_surplus"],
            question="surplus"),
        Row(what="idempotent: parcels too many", unit="parcels", formula="0, however often it comes", expected=0,
            measured=n["idempotent_surplus"]),
        *(
            Row(what=f"{name}: orders packed", unit="orders", formula="all: at least once",
                expected=n[f"{variant}_orders"], measured=n[f"{variant}_packed"])
            for variant, name in VARIANTS.items()
        ),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Orders beside parcels; orders that waited while the worker was dead."""
    bars = {what: [n[f"{variant}_{what}"] for variant in VARIANTS] for what in ("orders", "parcels")}
    waiting = {name: _from_zero(seen.series[f"{variant}_waiting"]) for variant, name in VARIANTS.items()}
    return {
        "parcels": plots.bars("Orders, and parcels sent for them", "count", list(VARIANTS.values()), bars),
        "waiting": plots.curves("Orders that wait for their parcel", "orders", waiting),
    }


def _from_zero(points: parcels.Points) -> parcels.Points:
    return [(at - points[0][0], value) for at, value in points]


TOO_MANY = ("none", "one per crash", f"up to {PREFETCH} per crash, all it has fetched")


def _too_many(n: Numbers) -> str:
    if n["idempotent_surplus"] == 0:
        return TOO_MANY[0]
    return TOO_MANY[1] if n["idempotent_surplus"] <= n["idempotent_crashes"] else TOO_MANY[2]


def _lost(n: Numbers) -> str:
    return "yes" if n["forgetful_missing"] + n["idempotent_missing"] > 0 else "no"


LAB = Lab(
    slug="redelivery",
    topic="queueing",
    title="Redelivery and exactly once in effect",
    minutes=25,
    question="A worker dies after its work, before it can say so. Is a parcel packed twice, or never?",
    goal="why brokers deliver at least once, what that does to work without memory, and what makes it once in effect.",
    map="""\
queue ─► worker:  take a message
                  pack the parcel        (Postgres)
                  tell orders            (HTTP)
                        ◄── killed here, five times
                  acknowledge            (broker)""",
    predictions=(
        Number(
            id="surplus",
            text=f"{CRASHES} crashes, {PREFETCH} messages fetched at a time, no memory: how many parcels too many?",
            unit="parcels",
            low=0,
            high=1000,
            measured="forgetful_surplus",
            factor=1.5,
        ),
        Choice(
            id="idempotent",
            text="The same crashes when it looks up what is packed: how many parcels too many?",
            options=TOO_MANY,
            answer=_too_many,
        ),
        Choice(
            id="lost",
            text="Is any order never packed?",
            options=("yes", "no"),
            answer=_lost,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=RATE, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=20, quick_seconds=9),
    prepare=(a_warehouse,),
    method=(without_memory, call_back, idempotent),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=40),
)
