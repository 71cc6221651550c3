"""The replica is cut off, then the primary is lost. What is lost of what was confirmed, and what if nothing may be?"""

import time
from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.replication.promises import confirmed_between, confirmed_s, lost, outage_s
from labs.replication.servers import placed, server, synchronous
from labs.replication.sync_replication_text import TEACHING
from labs.shop import Shop

RATE = 12.0
CUT_S = 2.0
BEFORE = 12
FAR_MS = 40.0
COMMITS = 5
"""Of one order: try begun, stock reserved, card charged, stock kept, order placed. Each waits for the one before."""
MODES = {"async": "asynchronous", "sync": "synchronous"}
FLUSHED = """
select 1000 * extract(epoch from flush_lag)::float8 as ms from pg_stat_replication where flush_lag is not null
"""
PRICE = LoadPlan(mix="checkout", rate=RATE, seconds=10, quick_seconds=4)


def replica_near(shop: Bench) -> None:
    """Buy with asynchronous replication, then with synchronous; the replica is next door."""
    shop.at_last("reset")  # this lab loses orders, and the shop cannot bring them back
    both_ways(shop, "near")


def replica_far(shop: Bench) -> None:
    """Move the replica far away, and buy both ways again."""
    shop.fault("latency", "replication", latency=FAR_MS)
    both_ways(shop, "far")
    shop.heal()


def lose_asynchronous(shop: Bench) -> None:
    """Confirm what the primary has. Cut the replica off, let people buy for two seconds, kill the primary."""
    cut_and_kill(shop, "async")


def lose_synchronous(shop: Bench) -> None:
    """Turn one knob: confirm what both have. The same cut, the same kill."""
    cut_and_kill(shop, "sync")


def both_ways(shop: Bench, place: str) -> None:
    """The same buyers, confirmed by one server and by both."""
    for mode in MODES:
        replicate(shop, mode)
        with shop.watching(f"{mode}_{place}_flushed", flushed_ms, every_s=0.25):
            shop.load(f"{mode}_{place}", PRICE)


def flushed_ms(shop: Shop) -> float:
    """How long after a commit is on its own disk the primary hears that it is on the replica's."""
    return float(shop.rows(FLUSHED)[0]["ms"])


def replicate(shop: Bench, mode: str) -> None:
    """Have commits wait for the replica, or not."""
    shop.flag("postgres.synchronous", mode == "sync")
    shop.wait_until(lambda: synchronous(shop.shop) == (mode == "sync"), f"orders are confirmed {MODES[mode]}ly")


def cut_and_kill(shop: Bench, mode: str) -> None:
    """Cut replication, kill the primary two seconds later, have it replaced; what is left of what was confirmed?"""
    replicate(shop, mode)
    shop.flag("postgres.failover", "promote")
    broken = len(shop.faults)
    with shop.loading(mode):
        primary, began = server(shop.shop, "primary"), time.time()
        shop.wait_until(lambda: placed(shop.shop, began) >= BEFORE, f"{BEFORE} orders are confirmed")
        cut = time.time()
        shop.fault("down", "replication")
        shop.wait_until(lambda: time.time() >= cut + CUT_S, "two seconds have passed")
        killed = time.time()
        shop.fault("primary_kill", primary)
    shop.heal()
    load = shop.phases[mode].load
    shop.note(f"{mode}_strikes", len(shop.faults) - broken)
    shop.note(f"{mode}_lost", lost(shop.shop, load))
    shop.note(f"{mode}_between", confirmed_between(load, cut, killed))
    shop.note(f"{mode}_cut_s", killed - cut)
    shop.note(f"{mode}_outage_s", outage_s(load, cut))


def measure(seen: Seen) -> Numbers:
    """Orders: `_lost` of those confirmed, `_between` cut and kill; `_p50_ms` of a checkout by mode and distance;
    `far_flushed_ms`: after so long, at best, the far replica had a commit.
    """
    n = {**seen.facts, "far_flushed_ms": min(seen.values("sync_far_flushed"), default=0.0)}
    for mode in MODES:
        n[f"{mode}_confirmed"] = len(seen[mode].confirmed)
        n[f"{mode}_expected"] = RATE * n[f"{mode}_cut_s"]
        for place in ("near", "far"):
            n[f"{mode}_{place}_p50_ms"] = seen[f"{mode}_{place}"].latency.percentile(50)
    for place in ("near", "far"):
        n[f"{place}_ratio"] = n[f"sync_{place}_p50_ms"] / n[f"async_{place}_p50_ms"]
        n[f"{place}_extra_ms"] = n[f"sync_{place}_p50_ms"] - n[f"async_{place}_p50_ms"]
    return n


def findings(n: Numbers) -> list[Finding]:
    """With a replica that follows, next door, nothing is lost, nothing stops, and waiting for it costs little."""
    waits_ms = 1000 * formulas.commit_wait_s(COMMITS, FAR_MS / 1000)
    return [
        Finding(
            claim="Asynchronous replication forgets orders that buyers saw confirmed: all that the replica had not yet "
            "received",
            holds=n["async_lost"] >= 0.5 * n["async_expected"],
            measured=f"{n['async_lost']:.0f} of {n['async_confirmed']:.0f} lost; {n['async_between']:.0f} were "
            "confirmed between the cut and the kill",
            expected=f"at least half of {RATE:g} orders/s in {n['async_cut_s']:.1f} s",
        ),
        Finding(
            claim="Synchronous replication forgets none under the same cut and the same kill",
            holds=n["sync_lost"] == 0 and n["sync_strikes"] == 2 and n["async_lost"] > 0,
            measured=f"{n['sync_lost']:.0f} of {n['sync_confirmed']:.0f} lost",
            expected="none, after a cut and a kill",
        ),
        Finding(
            claim="Its price: without a replica nobody's order is confirmed, though the primary is well",
            holds=n["sync_between"] <= 0.2 * n["sync_expected"] and n["sync_outage_s"] >= 0.9 * n["sync_cut_s"]
            and n["async_between"] >= 0.5 * n["async_expected"] and n["async_lost"] > 0,
            measured=f"{n['sync_between']:.0f} confirmed between cut and kill, {n['async_between']:.0f} when "
            f"asynchronous; {n['sync_outage_s']:.1f} and {n['async_outage_s']:.1f} s without an order",
            expected="at most 0.2 of those that came; at least half when asynchronous",
        ),
        Finding(
            claim="And its price every day: each commit of an order waits for the way to the replica and back",
            holds=0.6 * waits_ms <= n["far_extra_ms"] <= 3 * waits_ms and n["far_flushed_ms"] >= 0.8 * FAR_MS,
            measured=f"p50 {n['async_far_p50_ms']:.0f} ms, synchronous {n['sync_far_p50_ms']:.0f} ms with a replica "
            f"{FAR_MS:g} ms away; next door {n['async_near_p50_ms']:.0f} and {n['sync_near_p50_ms']:.0f} ms; the far "
            f"one has a commit after {n['far_flushed_ms']:.0f} ms at best",
            expected=f"{COMMITS} commits wait {FAR_MS:g} ms: {waits_ms:.0f} ms more, 0.6 to 3 of it; the far one has "
            f"none before {0.8 * FAR_MS:.0f} ms",
        ),
    ]  # fmt: skip


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="asynchronous: confirmed and lost", unit="orders", formula="λ·d", expected=n["async_expected"],
            measured=n["async_lost"], question="lost"),
        Row(what="synchronous: confirmed and lost", unit="orders", formula="0", expected=0, measured=n["sync_lost"]),
        Row(what="synchronous: confirmed without a replica", unit="orders", formula="0", expected=0,
            measured=n["sync_between"]),
        Row(what="replica far away: a synchronous checkout takes longer by", unit="ms",
            formula="commits · round trip + what it takes next door", measured=n["far_extra_ms"], question="extra",
            expected=1000 * formulas.commit_wait_s(COMMITS, FAR_MS / 1000) + max(0.0, n["near_extra_ms"])),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What was lost; orders over time; what a checkout took."""
    names = list(MODES.values())
    kept = {
        "still there": [n[f"{mode}_confirmed"] - n[f"{mode}_lost"] for mode in MODES],
        "lost": [n[f"{mode}_lost"] for mode in MODES],
    }
    took = {name: [n[f"{mode}_{place}_p50_ms"] for place in ("near", "far")] for mode, name in MODES.items()}
    orders = {
        name: [(at, number) for number, at in enumerate(confirmed_s(seen[mode]), 1)] for mode, name in MODES.items()
    }
    return {
        "lost": plots.bars("Orders that buyers saw confirmed", "orders", names, kept),
        "orders": plots.curves("Orders confirmed since the load began", "orders", orders),
        "took": plots.bars("What a checkout took, p50", "ms", ["replica next door", f"{FAR_MS:g} ms away"], took),
    }


SYNC = ("none", "those under way in the moment of the kill", "as many")
WHO = ("everybody, a little slower", "nobody", "only who pays by card")


def _sync_lost(n: Numbers) -> str:
    return SYNC[0] if n["sync_lost"] == 0 else SYNC[1] if n["sync_lost"] < n["async_lost"] / 2 else SYNC[2]


def _who_buys(n: Numbers) -> str:
    return WHO[1] if n["sync_between"] <= 0.2 * n["sync_expected"] else WHO[0]


LAB = Lab(
    slug="sync-replication",
    topic="replication",
    title="Synchronous or asynchronous",
    minutes=30,
    question="The replica is cut off, then the primary is lost. Which confirmed orders are gone, and what prevents it?",
    goal="what a confirmation is worth that one server gave, and what one by two costs in latency and availability.",
    map="""\
buy ──► orders ──► postgres-1  primary    ◄── killed two seconds later
                       X log    ◄── cut first
                       ▼
                   postgres-2  replica
confirmed: when postgres-1 has it (asynchronous), or when both have it (synchronous)""",
    predictions=(
        Number(
            id="lost",
            text=f"{RATE:g} orders/s, the replica cut off {CUT_S:g} s before the primary is killed, asynchronous: how "
            "many confirmed orders are lost?",
            unit="orders",
            low=0,
            high=1000,
            measured="async_lost",
            factor=1.5,
        ),
        Choice(id="sync", text="And synchronous, how many?", options=SYNC, answer=_sync_lost),
        Choice(
            id="who",
            text="Synchronous, the replica cut off, the primary still well: who can buy?",
            options=WHO,
            answer=_who_buys,
        ),
        Number(
            id="extra",
            text=f"The replica is {FAR_MS:g} ms away (there and back). An order takes {COMMITS} commits, one after the "
            "other. By how much longer does a synchronous checkout take?",
            unit="ms",
            low=0,
            high=10000,
            measured="far_extra_ms",
            factor=1.8,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=12, quick_seconds=7, warm_up_s=0),
    prepare=(),
    method=(replica_near, replica_far, lose_asynchronous, lose_synchronous),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=300, samples=30),
)
