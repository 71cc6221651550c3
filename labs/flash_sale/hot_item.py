"""Everybody wants one item, others want something else. Do they get it, and their parcels, as on any day?"""

import time
from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.flash_sale.hot_item_text import TEACHING
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.queueing.parcels import all_packed
from labs.shop import Shop

ITEM, PIECES = "pot-020", 2000
RATE, CROWD = 8.0, 36.0
DECIDE_S, PACK_S = 0.3, 0.08
THREADS, LANE_THREADS = 8, 3
"""A replica of orders, and of the lane."""
CALM_S, RUSH_S, QUICK_RUSH_S = 1.5, 12.0, 5.0
IN_TIME_MS = 1000
VARIANTS = {"shared": "no lane", "lane": "own lane"}
UNDER_WAY = 'shop_peer_calls_under_way{peer="inventory"}'

LEFT = f"select sum(available)::int as pieces from inventory.stock where sku = '{ITEM}'"
UNSETTLED = "select from orders.attempts where state in ('pending', 'failing')"
PLACED = f"""
select extract(epoch from placed_at)::float8 as at, extract(epoch from packed_at - placed_at)::float8 as delay,
       exists (select from orders.lines where lines.order_id = orders.order_id and sku = '{ITEM}') as hot
from orders.orders join fulfilment.shipments using (order_id) where placed_at >= to_timestamp({{since}}) order by 1
"""


def a_small_shop(shop: Bench) -> None:
    """One replica of orders, whose threads may all ask inventory; 0.3 s to decide about a buyer, 0.08 s to pack."""
    shop.at_last("restock", ITEM, max(0, int(shop.shop.rows(LEFT)[0]["pieces"])))
    shop.restock(ITEM, PIECES)
    shop.scale("orders", 1)
    shop.flag("orders.bulkhead", False)
    shop.flag("inventory.decide_ms", DECIDE_S * 1000)
    shop.flag("fulfilment.pack_ms", PACK_S * 1000)


def shared(shop: Bench) -> None:
    """A quiet day; then a crowd comes for one pot, by the same door as everybody else."""
    rush(shop, "shared")


def lane(shop: Bench) -> None:
    """Open the lane: threads, queue and packer of its own. The same people, the same crowd."""
    shop.lane(ITEM)
    rush(shop, "lane")


def rush(shop: Bench, variant: str) -> None:
    """Sell as on any day, let the crowd come and go, wait until every parcel is packed, count."""
    lasts_s = QUICK_RUSH_S if shop.quick else RUSH_S
    with shop.loading(variant), shop.watching(f"{variant}_asking", asking):
        began = time.time()
        shop.wait_till(began + CALM_S, "all was well for a while")
        shop.fault("load_spike", "gateway", rate=CROWD, ramp_s=0.5, duration_s=2 * lasts_s, mix=f"hot_item:{ITEM}")
        came = time.time()
        shop.wait_till(came + lasts_s, "the crowd was there for a while")
        went = time.time()
        shop.heal()
    all_packed(shop, timeout_s=60)
    shop.wait_until(lambda: not shop.shop.rows(UNSETTLED), "every order is settled", timeout_s=30)
    count(shop, variant, came, went)


def count(shop: Bench, variant: str, came: float, went: float) -> None:
    """How many orders of either kind were placed while the crowd was there, and how late others' parcels were."""
    began = shop.phases[variant].load.started_at
    placed = shop.shop.rows(PLACED.format(since=began))
    during = [row for row in placed if came <= row["at"] <= went]
    late = sorted(row["delay"] for row in during if not row["hot"]) or [0.0]
    packed = sum(came <= row["at"] + row["delay"] <= went for row in placed)
    shop.note(f"{variant}_came_s", came - began)
    shop.note(f"{variant}_went_s", went - began)
    shop.note(f"{variant}_crowd_s", went - min((row["at"] for row in placed if row["hot"]), default=went))
    shop.note(f"{variant}_rate", len(during) / (went - came))
    shop.note(f"{variant}_hot_rate", sum(row["hot"] for row in during) / (went - came))
    shop.note(f"{variant}_pack_rate", packed / (went - came))
    shop.note(f"{variant}_parcel_p90_s", late[int(0.9 * len(late))])
    shop.note(f"{variant}_parcel_worst_s", late[-1])


def asking(shop: Shop) -> float:
    """Threads of the ordinary replica that wait for inventory."""
    return shop.metrics("orders")[UNDER_WAY]


def measure(seen: Seen) -> Numbers:
    """Of those who want something else while the crowd is there: the share with an order within a second (`_in_time`)
    and the share that is turned away, in percent; p50; the mean number of threads that ask inventory. `calm_` is from
    before the crowd came.
    """
    n = dict(seen.facts)
    for variant in VARIANTS:
        came_s, went_s = n[f"{variant}_came_s"], n[f"{variant}_went_s"]
        during = seen[variant].select(since_s=came_s, until_s=went_s)
        n[f"{variant}_in_time"], n[f"{variant}_p50_ms"] = _in_time(during), during.latency.percentile(50)
        n[f"{variant}_turned_away"] = 100 * during.outcomes["http_5xx"] / max(during.started, 1)
        began, series = seen[variant].started_at, seen.series[f"{variant}_asking"]
        n[f"{variant}_asking"] = _mean([value for at, value in series if came_s + 0.5 <= at - began <= went_s])
    calm = seen["shared"].select(since_s=0.0, until_s=CALM_S)
    return n | {"calm_in_time": _in_time(calm), "calm_p50_ms": calm.latency.percentile(50)}


def _in_time(load: LoadResult) -> float:
    """Of all who came, in percent."""
    good = [s for s in load.samples if s.outcome == "ok" and (s.latency_ms or 0.0) <= IN_TIME_MS]
    return 100 * len(good) / max(len(load.samples), 1)


def _mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


def findings(n: Numbers) -> list[Finding]:
    """Each needs the crowd: without it everybody is served in time by whichever way."""
    crowd = n["shared_hot_rate"] >= 2  # pots a second; a slow machine alone makes others wait too, but sells no pots
    suffered = crowd and n["shared_in_time"] <= 75
    return [
        Finding(
            claim="By one door for all, a rush on one item turns away or keeps waiting those who want another",
            holds=suffered and n["calm_in_time"] >= 90,
            measured=f"{n['shared_in_time']:.0f} % had their order within a second, {n['shared_turned_away']:.0f} % "
            f"were turned away; {n['calm_in_time']:.0f} % within a second before the crowd came",
            expected="at most 75 %; at least 90 % before",
        ),
        Finding(
            claim="With a lane for the item nobody else notices the same rush",
            holds=suffered and n["lane_in_time"] >= 90 and n["lane_p50_ms"] <= 1.6 * n["calm_p50_ms"],
            measured=f"{n['lane_in_time']:.0f} % within a second, p50 {n['lane_p50_ms']:.0f} ms; "
            f"{n['calm_p50_ms']:.0f} ms before any crowd came",
            expected="at least 90 %, p50 at most 1.6 times the calm one",
        ),
        Finding(
            claim="Their parcels wait behind the item's; with the lane, which brings a second packer, they do not",
            holds=crowd and n["shared_parcel_p90_s"] >= max(1.0, 3 * n["lane_parcel_p90_s"]),
            measured=f"p90 {n['shared_parcel_p90_s']:.1f} s without a lane, {n['lane_parcel_p90_s']:.1f} s with it; "
            f"{n['shared_hot_rate']:.1f} pots a second sold beside them",
            expected="at least 1 s, and three times the other; at least 2 pots",
        ),
        Finding(
            claim="The crowd pays for it: the lane is narrow, and sells the item at its own pace",
            holds=2 <= n["lane_hot_rate"] <= 0.85 * n["shared_hot_rate"],
            measured=f"{n['lane_hot_rate']:.1f} pots a second, {n['shared_hot_rate']:.1f} without a lane",
            expected="at least 2, at most 0.85 of the other",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    checkout_s = n["calm_p50_ms"] / 1000
    capacity, packs = formulas.throughput_limit(THREADS, checkout_s), formulas.throughput_limit(1, PACK_S)
    backlog = formulas.backlog(capacity, n["shared_pack_rate"], n["shared_crowd_s"])
    busy = formulas.utilisation(RATE + CROWD, checkout_s, THREADS)
    return [
        Row(what=f"no lane: orders (utilisation {busy:.1f}: that cannot be)", unit="1/s",
            formula="threads / a checkout's time", expected=capacity, measured=n["shared_rate"],
            question="shared_rate"),
        Row(what="own lane: threads at inventory, of all others", unit="threads", formula="λ · time to decide",
            expected=formulas.in_flight(RATE, DECIDE_S), measured=n["lane_asking"]),
        Row(what="own lane: pots", unit="1/s", formula="threads of the lane / a checkout's time",
            expected=formulas.throughput_limit(LANE_THREADS, checkout_s), measured=n["lane_hot_rate"],
            question="lane_hot_rate"),
        Row(what=f"no lane: the last parcel is late by ({n['shared_pack_rate']:.1f} a second were packed meanwhile)",
            unit="s", formula="backlog / μ", expected=formulas.queue_delay_s(backlog, packs),
            measured=n["shared_parcel_worst_s"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What everybody else waited, what became of them, and how late their parcels were."""
    names = list(VARIANTS.values())
    waits = {
        name: [(s.intended_s, s.latency_ms or 0.0) for s in seen[variant].waited_for]
        for variant, name in VARIANTS.items()
    }
    figure = plots.curves("Who wants something else waits", "ms", waits, dots=tuple(names))
    plots.shade(figure, n["shared_came_s"], n["shared_went_s"], "the crowd")
    shares = {
        "in time": [n[f"{variant}_in_time"] for variant in VARIANTS],
        "turned away": [n[f"{variant}_turned_away"] for variant in VARIANTS],
    }
    late = {"p90": [n[f"{variant}_parcel_p90_s"] for variant in VARIANTS]}
    return {
        "waits": figure,
        "sold": plots.bars("What becomes of those who want something else", "% of them", names, shares),
        "parcels": plots.bars("Their parcels are packed after", "s", names, late, digits=1),
    }


NOTICE = ("nothing", "a little: half the damage", "as much as without")


def _notice(n: Numbers) -> str:
    lost = (100 - n["lane_in_time"]) / max(100 - n["shared_in_time"], 1)
    return NOTICE[0] if lost <= 0.25 else NOTICE[1] if lost <= 0.75 else NOTICE[2]


LAB = Lab(
    slug="hot-item",
    topic="flash_sale",
    title="A lane for the hot item",
    minutes=25,
    question="A crowd wants one item. Does anybody notice who wants another?",
    goal="what a rush on one thing shares with everybody else, and how threads and a queue of its own keep it apart.",
    map="""\
no lane    crowd ══╦══► orders [8 threads] ══► inventory (0.3 s)
           others ═╝           ╚═════════════► queue ══► packer (0.08 s)

own lane   crowd ═════► orders-lane [3 threads] ══► inventory
                               ╚═════════════► own queue ══► own packer
           others ────► orders [8 threads] ──► inventory
                               └─────────────► queue ──► packer""",
    predictions=(
        Number(
            id="shared_rate",
            text=f"A checkout takes 0.4 s, {DECIDE_S:g} of them to decide; a replica of orders has {THREADS} threads. "
            f"{RATE + CROWD:g} buyers come a second. How many orders a second?",
            unit="1/s",
            low=0,
            high=100,
            measured="shared_rate",
            factor=1.5,
        ),
        Choice(
            id="notice",
            text="The item has its lane. What do those notice of the crowd who want another?",
            options=NOTICE,
            answer=_notice,
        ),
        Number(
            id="lane_hot_rate",
            text=f"The lane has {LANE_THREADS} threads. How many of the {CROWD:g} a second get their pot?",
            unit="1/s",
            low=0,
            high=100,
            measured="lane_hot_rate",
            factor=1.5,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=10, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=17, quick_seconds=9, warm_up_s=0),
    prepare=(a_small_shop,),
    method=(shared, lane),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=60),
)
