"""Everybody wants the same item. Four ways of taking stock: who sells too many, who stands still?"""

from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.flash_sale.overselling_text import TEACHING
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.shop import Shop

ITEM = "pot-020"
DECIDE_S = 0.2
RUSH = LoadPlan(mix=f"hot_item:{ITEM}", rate=20, seconds=10, quick_seconds=3, warm_up_s=0)
SOLD_OUT_AT = 0.62
"""There are pieces for so much of the rush; whoever comes later should hear that it is sold out."""
STRATEGIES = {"naive": "naive", "row_lock": "row lock", "conditional": "conditional", "buckets": "buckets"}
SAFE_AND_QUICK = ("conditional", "buckets")
GAVE_UP = "shop_locked_out_total"

LEFT = f"select sum(available)::int as pieces from inventory.stock where sku = '{ITEM}'"
UNSETTLED = "select from orders.attempts where state in ('pending', 'failing')"
SOLD = f"""
select extract(epoch from placed_at)::float8 - {{since}} as at from orders.orders join orders.lines using (order_id)
where sku = '{ITEM}' and placed_at >= to_timestamp({{since}}) order by placed_at
"""


def deciding_takes_time(shop: Bench) -> None:
    """Let the shop think for 0.2 s about every buyer; at the end, the item gets back the pieces it has now."""
    shop.at_last("restock", ITEM, max(0, left(shop.shop)))
    shop.flag("inventory.decide_ms", DECIDE_S * 1000)


def naive(shop: Bench) -> None:
    """Look, decide, take, as if alone. The doors open: everybody wants the same pot."""
    sell_out(shop, "naive")
    shop.note("violated", len(shop.shop.check()))


def make_good(shop: Bench) -> None:
    """Buy elsewhere what was sold and not there: a promise is never taken back."""
    shop.note("made_good", shop.restock(ITEM, 0))
    shop.note("violated_after", len(shop.shop.check()))


def row_lock(shop: Bench) -> None:
    """Turn one knob: lock the item, look, decide, take. The same rush again."""
    sell_out(shop, "row_lock")


def conditional(shop: Bench) -> None:
    """Decide first, then look and take in one statement. The same rush again."""
    sell_out(shop, "conditional")


def buckets(shop: Bench) -> None:
    """Decide first, then take from any of sixteen buckets that nobody is at. The same rush again."""
    sell_out(shop, "buckets")


def sell_out(shop: Bench, strategy: str) -> None:
    """Deliver, open the doors, wait until the last order is settled, count."""
    pieces = round(RUSH.rate * shop.seconds(RUSH) * SOLD_OUT_AT)
    shop.flag("inventory.stock", strategy)
    shop.restock(ITEM, pieces)
    before = gave_up(shop.shop)
    load = shop.rush(strategy, RUSH)
    shop.wait_until(lambda: not shop.shop.rows(UNSETTLED), "every order is settled", timeout_s=60)
    sold = [row["at"] for row in shop.shop.rows(SOLD.format(since=load.started_at))]
    in_time = [at for at in sold if at <= load.duration_s]
    shop.note(f"{strategy}_pieces", pieces)
    shop.note(f"{strategy}_sold", len(sold))
    shop.note(f"{strategy}_in_time", len(in_time))
    shop.note(f"{strategy}_open_s", in_time[-1] if len(in_time) >= pieces else load.duration_s)
    shop.note(f"{strategy}_left", left(shop.shop))
    shop.note(f"{strategy}_gave_up", gave_up(shop.shop) - before)


def left(shop: Shop) -> int:
    """Pieces of the item that nobody has; below zero when more were sold than there were."""
    return int(shop.rows(LEFT)[0]["pieces"])


def gave_up(shop: Shop) -> float:
    """How often inventory gave up waiting for a lock, so far."""
    return shop.metrics("inventory").get(GAVE_UP, 0.0)


def measure(seen: Seen) -> Numbers:
    """For each strategy: pieces sold, too many, left; orders a second until sold out; what buyers waited and heard."""
    n = dict(seen.facts)
    for strategy in STRATEGIES:
        load = seen[strategy]
        n[f"{strategy}_oversold"] = max(0.0, -n[f"{strategy}_left"])
        n[f"{strategy}_rate"] = n[f"{strategy}_in_time"] / n[f"{strategy}_open_s"]
        n[f"{strategy}_buyers"] = load.started
        n[f"{strategy}_told_sold_out"] = load.outcomes["http_4xx"]
        n[f"{strategy}_failed"] = load.started - load.outcomes["ok"] - load.outcomes["http_4xx"]
        n[f"{strategy}_p50_ms"] = load.latency.percentile(50)
        n[f"{strategy}_p99_ms"] = load.latency.percentile(99)
    n["ratio"] = min(n[f"{name}_rate"] for name in SAFE_AND_QUICK) / max(n["row_lock_rate"], 0.1)
    return n


def findings(n: Numbers) -> list[Finding]:
    """Each needs the rush: without it nobody meets anybody, the pieces last, and every strategy is as good."""
    rush = n["row_lock_buyers"] >= n["row_lock_pieces"]
    return [
        Finding(
            claim="Naive sells pieces that are not there, and the shop's books say so until they are bought elsewhere",
            holds=n["naive_oversold"] > 0
            and n["made_good"] == n["naive_oversold"]
            and n["violated"] > 0 == n["violated_after"],
            measured=f"{n['naive_sold']:.0f} sold of {n['naive_pieces']:.0f}, {n['naive_oversold']:.0f} too many; "
            f"{n['violated']:.0f} invariants violated, then {n['violated_after']:.0f}",
            expected="at least one piece too many; some violated, none after as many were bought",
        ),
        Finding(
            claim="The row lock sells none too many, and sends most buyers away with an error while pieces are left",
            holds=rush
            and n["row_lock_oversold"] == 0 < n["row_lock_left"]
            and n["row_lock_failed"] >= 0.5 * n["row_lock_buyers"],
            measured=f"{n['row_lock_failed']:.0f} of {n['row_lock_buyers']:.0f} buyers failed, "
            f"{n['row_lock_left']:.0f} pieces left, {n['row_lock_oversold']:.0f} too many sold",
            expected="none too many; as many buyers as pieces or more, at least half of them fail; pieces are left",
        ),
        Finding(
            claim="Conditional and buckets sell the last piece and none too many, and tell everybody the truth",
            holds=all(_exactly_sold_out(n, name) for name in SAFE_AND_QUICK),
            measured="; ".join(
                f"{STRATEGIES[name]}: {n[f'{name}_sold']:.0f} sold of {n[f'{name}_pieces']:.0f}, "
                f"{n[f'{name}_told_sold_out']:.0f} told it is sold out, {n[f'{name}_failed']:.0f} failed"
                for name in SAFE_AND_QUICK
            ),
            expected="as many as there were; the others hear that it is sold out; at most one in twenty fails",
        ),
        Finding(
            claim="Both sell at least five times as many orders a second as the row lock, and p99 is a third shorter",
            holds=rush
            and n["ratio"] >= 5
            and all(n[f"{name}_p99_ms"] <= 0.67 * n["row_lock_p99_ms"] for name in SAFE_AND_QUICK),
            measured=", ".join(
                f"{STRATEGIES[name]} {n[f'{name}_rate']:.1f}/s with p99 {n[f'{name}_p99_ms']:.0f} ms"
                for name in ("row_lock", *SAFE_AND_QUICK)
            ),
            expected="five times as many; p99 at most 0.67 of the row lock's, which had as many buyers as pieces "
            "or more",
        ),
    ]


def _exactly_sold_out(n: Numbers, strategy: str) -> bool:
    return (
        n[f"{strategy}_sold"] == n[f"{strategy}_pieces"]
        and n[f"{strategy}_left"] == 0 < n[f"{strategy}_told_sold_out"]
        and n[f"{strategy}_failed"] <= 0.05 * n[f"{strategy}_buyers"]
    )


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    too_many = formulas.in_flight(RUSH.rate, DECIDE_S)
    one_at_a_time = formulas.throughput_limit(1, DECIDE_S)
    limits = {"naive": RUSH.rate, "row_lock": one_at_a_time, "conditional": RUSH.rate, "buckets": RUSH.rate}
    return [
        Row(what="naive: pieces sold too many", unit="pieces", formula="λ · d, who decides when the last one goes",
            expected=too_many, measured=n["naive_oversold"], question="oversold"),
        *(
            Row(what=f"{STRATEGIES[name]}: pieces sold too many", unit="pieces",
                formula="0: looking and taking is one step", expected=0, measured=n[f"{name}_oversold"])
            for name in ("row_lock", *SAFE_AND_QUICK)
        ),
        *(
            Row(what=f"{STRATEGIES[name]}: orders a second until sold out", unit="1/s",
                formula="at most 1 / d" if name == "row_lock" else "λ: all who come", expected=limit,
                measured=n[f"{name}_rate"], question="row_lock_rate" if name == "row_lock" else None)
            for name, limit in limits.items()
        ),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Pieces, orders a second, waiting: strategy by strategy."""
    names = list(STRATEGIES.values())

    def column(what: str) -> list[float]:
        return [n[f"{strategy}_{what}"] for strategy in STRATEGIES]

    pieces = {"there were": column("pieces"), "sold": column("sold")}
    waits = {"p50": column("p50_ms"), "p99": column("p99_ms")}
    heard = {"an error": column("failed"), "sold out": column("told_sold_out")}
    return {
        "pieces": plots.bars("Pieces of the hot item, and orders for them", "pieces", names, pieces),
        "rate": plots.bars("Until sold out", "orders per second", names, {"orders/s": column("rate")}, digits=1),
        "latency": plots.bars("What buyers waited", "latency (ms, log scale)", names, waits, log=True),
        "heard": plots.bars("Buyers who went home without it, and what they heard", "buyers", names, heard),
    }


HEARD = ("their order is confirmed", "it is sold out", "an error: try again")


def _heard(n: Numbers) -> str:
    failed, told = n["row_lock_failed"], n["row_lock_told_sold_out"]
    counts = (n["row_lock_buyers"] - failed - told, told, failed)
    return HEARD[counts.index(max(counts))]


def _safe(n: Numbers) -> str:
    return "no" if n["conditional_oversold"] == 0 else "yes"


LAB = Lab(
    slug="overselling",
    topic="flash_sale",
    title="Overselling: four ways of taking stock",
    minutes=30,
    question="Everybody wants the same item at once. Which way of taking stock sells too many, and which stands still?",
    goal="why looking and taking must be one step, what a lock costs that is held while somebody thinks, and how a hot "
    "item is taken by many at once.",
    map="""\
buyers ──► orders ──► inventory:  naive         look ─ decide ─ take
    all for one pot               row lock      [lock ─ look ─ decide ─ take]
                                  conditional   decide ─ [take if there]
                                  buckets       decide ─ [take if there] from any of 16
                                                [ ] = others wait""",
    predictions=(
        Number(
            id="oversold",
            text=f"Naive, {RUSH.rate:g} buyers a second, 0.2 s to decide about each: how many pieces too many?",
            unit="pieces",
            low=0,
            high=1000,
            measured="naive_oversold",
            factor=2.0,
        ),
        Number(
            id="row_lock_rate",
            text="The item is locked while the shop decides, 0.2 s: how many orders a second?",
            unit="1/s",
            low=0,
            high=1000,
            measured="row_lock_rate",
            factor=1.5,
        ),
        Choice(id="heard", text="Row lock: what do most buyers hear?", options=HEARD, answer=_heard),
        Choice(
            id="conditional",
            text="Conditional: it decides for 0.2 s too, without a lock. Does it oversell?",
            options=("yes", "no"),
            answer=_safe,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    load=LoadPlan(mix=RUSH.mix, rate=1.5, seconds=10, quick_seconds=3, warm_up_s=0),
    prepare=(deciding_takes_time,),
    method=(naive, make_good, row_lock, conditional, buckets),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=50),
)
