"""The primary is killed, then frozen, while people buy. How long does nobody's order count, and is any forgotten?"""

import itertools
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from compose.postgres import ANSWER_S
from labs import formulas, plots, probes
from labs.control.primary_watch import LOOKS
from labs.control.roles import EVERY_S
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.replication.failover_text import TEACHING
from labs.replication.promises import confirmed_s, lost, outage_s
from labs.replication.servers import placed, server, synchronous, with_role

RATE = 12.0
REPAIR_S = 7.0
"""After so long somebody repairs it by hand. People who are paged need minutes."""
BEFORE = 12
VARIANTS = {"nobody": "killed, nobody watches", "kill": "killed, watched", "freeze": "frozen, watched"}
WATCHED = {"kill": "killed", "freeze": "frozen"}
STEPS = ("gone", "fenced", "promoted")


def nobody_watches(shop: Bench) -> None:
    """Kill the primary under load, with nobody there to replace it, and repair it by hand after a while."""
    shop.at_last("switchover", server(shop.shop, "primary"))
    shop.flag("postgres.failover", "off")
    shop.flag("postgres.synchronous", True)
    with shop.loading("nobody", LoadPlan(mix="checkout", rate=RATE, seconds=16, quick_seconds=12, warm_up_s=0)):
        struck = strike(shop, "nobody", "primary_kill")
        shop.wait_until(lambda: time.time() >= struck + REPAIR_S, "somebody comes who can repair it")
        shop.heal()
    count(shop, "nobody")


def watched_kill(shop: Bench) -> None:
    """Turn one knob: a manager watches the primary and replaces it. The same kill under the same load."""
    shop.flag("postgres.failover", "promote")
    lose(shop, "kill", "primary_kill")


def watched_freeze(shop: Bench) -> None:
    """Freeze it instead: it is not dead, it only does not answer, and it might wake up at any moment."""
    lose(shop, "freeze", "process_pause")
    shop.note("violated", len(shop.shop.check()))


def lose(shop: Bench, variant: str, fault: str) -> None:
    """Strike the primary under load, wait for its successor, bring it back, count."""
    old = server(shop.shop, "primary")
    with shop.loading(variant):
        struck = strike(shop, variant, fault)
    for step, at in moved(shop, struck).items():
        shop.note(f"{variant}_{step}_s", at - struck)
    shop.heal()
    shop.note(f"{variant}_replaced", server(shop.shop, "primary") != old)
    count(shop, variant)


def strike(shop: Bench, variant: str, fault: str) -> float:
    """When a dozen orders are confirmed, each on both servers, break the primary; when, in seconds since 1970."""
    shop.wait_until(lambda: synchronous(shop.shop), "orders are confirmed by both servers")
    primary, began, broken = server(shop.shop, "primary"), time.time(), len(shop.faults)
    shop.wait_until(lambda: placed(shop.shop, began) >= BEFORE, f"{BEFORE} orders are confirmed")
    struck = shop.facts[f"{variant}_struck"] = time.time()
    shop.fault(fault, primary)
    shop.note(f"{variant}_strikes", len(shop.faults) - broken)
    return struck


def moved(shop: Bench, since: float) -> Mapping[str, float]:
    """When the manager did what, in seconds since 1970; nothing when it had nothing to do."""
    at = {step["what"].split(":")[0]: datetime.fromisoformat(step["at"]).timestamp() for step in shop.shop.moves()}
    return {step: at[step] for step in STEPS if at.get(step, 0.0) >= since}


def count(shop: Bench, variant: str) -> None:
    """What is there of what was confirmed, and how many servers take writes."""
    shop.note(f"{variant}_lost", lost(shop.shop, shop.phases[variant].load))
    shop.note(f"{variant}_primaries", max(len(with_role(shop.shop, "primary")) for _ in range(LOOKS)))


def measure(seen: Seen) -> Numbers:
    """`_outage_s` without a confirmed order; `_confirmed` and `_failed` orders; when the manager did what, after the
    strike.
    """
    n = dict(seen.facts)
    for variant in VARIANTS:
        load = seen[variant]
        n[f"{variant}_outage_s"] = outage_s(load, n[f"{variant}_struck"])
        n[f"{variant}_confirmed"], n[f"{variant}_failed"] = len(load.confirmed), load.completed - load.outcomes["ok"]
    for variant, step in itertools.product(WATCHED, STEPS):
        n.setdefault(f"{variant}_{step}_s", 0.0)
    return n


def findings(n: Numbers) -> list[Finding]:
    """Nothing is replaced, and nobody waits, unless the lab breaks something."""
    fenced = [n[f"{variant}_fenced_s"] for variant in WATCHED]
    promoted = [n[f"{variant}_promoted_s"] for variant in WATCHED]
    return [
        Finding(
            claim="With nobody to replace it, a lost primary stops all buying until somebody comes",
            holds=n["nobody_outage_s"] >= 0.95 * REPAIR_S,
            measured=f"{n['nobody_outage_s']:.1f} s without a confirmed order, {n['nobody_failed']:.0f} failed",
            expected=f"at least the {REPAIR_S:g} s until the repair",
        ),
        Finding(
            claim="A manager that watches it has orders confirmed again long before that",
            holds=n["kill_strikes"] == n["kill_replaced"] == 1
            and 0.3 <= n["kill_outage_s"] <= 0.6 * n["nobody_outage_s"],
            measured=f"{n['kill_outage_s']:.1f} s; the replica was promoted after {n['kill_promoted_s']:.1f} s",
            expected="after one kill, at most 0.6 of the outage before (on a quiet machine at most 3 s)",
        ),
        Finding(
            claim="A frozen primary takes longer to find, as silence must be waited for, and is ended before anybody "
            "takes its place",
            holds=n["freeze_strikes"] == n["freeze_replaced"] == 1
            and n["freeze_gone_s"] > n["kill_gone_s"]
            and all(0 < f <= p for f, p in zip(fenced, promoted, strict=True))
            and n["freeze_outage_s"] <= 0.75 * n["nobody_outage_s"],
            measured=f"found after {n['freeze_gone_s']:.1f} s (killed: {n['kill_gone_s']:.1f} s), fenced after "
            f"{fenced[1]:.1f}, promoted after {promoted[1]:.1f}; {n['freeze_outage_s']:.1f} s without an order",
            expected="after one freeze; later than killed; fenced before promoted; at most 0.75 of the outage with "
            "nobody (on a quiet machine at most 4 s)",
        ),
        Finding(
            claim="No order that a buyer saw confirmed is forgotten, and there is never a second primary",
            holds=sum(n[f"{variant}_strikes"] for variant in VARIANTS) == len(VARIANTS)
            and all(n[f"{variant}_lost"] == 0 and n[f"{variant}_primaries"] == 1 for variant in VARIANTS)
            and n["violated"] == 0,
            measured=f"{sum(n[f'{variant}_lost'] for variant in VARIANTS):.0f} of "
            f"{sum(n[f'{variant}_confirmed'] for variant in VARIANTS):.0f} orders lost, "
            f"{n['violated']:.0f} invariants violated",
            expected=f"none, after {len(VARIANTS)} strikes, with orders on both servers",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    look = "EVERY/2 + (looks - 1)·max(EVERY, wait) + 2·wait"
    return [
        Row(what="nobody watches: no order confirmed", unit="s", formula="until it is repaired, and then its start",
            expected=REPAIR_S, measured=n["nobody_outage_s"], question="nobody"),
        Row(what="killed: found after", unit="s", formula=f"{look}, wait = 0", measured=n["kill_gone_s"],
            expected=formulas.detection_s(EVERY_S, LOOKS)),
        Row(what="frozen: found after", unit="s", formula=f"{look}, wait = {ANSWER_S:g} s",
            expected=formulas.detection_s(EVERY_S, LOOKS, ANSWER_S), measured=n["freeze_gone_s"]),
        Row(what="killed: no order confirmed", unit="s", formula="found + fenced + promoted",
            expected=n["kill_promoted_s"], measured=n["kill_outage_s"], question="kill"),
        Row(what="frozen: no order confirmed", unit="s", formula="found + fenced + promoted",
            expected=n["freeze_promoted_s"], measured=n["freeze_outage_s"]),
        Row(what="confirmed orders lost", unit="orders", formula="0: they are on both", expected=0,
            measured=sum(n[f"{variant}_lost"] for variant in VARIANTS)),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """How long nobody's order was confirmed; what the time went into; confirmed orders over time."""
    outages = {"seconds": [n[f"{variant}_outage_s"] for variant in VARIANTS]}
    ends = {variant: [n[f"{variant}_{step}_s"] for step in STEPS] + [n[f"{variant}_outage_s"]] for variant in WATCHED}
    parts = {WATCHED[variant]: [b - a for a, b in itertools.pairwise([0.0, *at])] for variant, at in ends.items()}
    what = ["found", "fenced", "promoted", "first order"]
    orders = {
        name: [(at, number) for number, at in enumerate(confirmed_s(seen[variant]), 1)]
        for variant, name in VARIANTS.items()
    }
    return {
        "outage": plots.bars("Longest time without a confirmed order", "s", list(VARIANTS.values()), outages, digits=1),
        "parts": plots.bars("What that time went into", "s", what, parts, digits=2),
        "orders": plots.curves("Orders confirmed since the load began", "orders", orders),
    }


WINS = ("the killed one", "the frozen one", "both at once")
WAKES = ("it takes writes beside its successor", "it starts as a copy of its successor", "it never starts again")


def _found_first(n: Numbers) -> str:
    return WINS[0] if n["kill_gone_s"] < n["freeze_gone_s"] else WINS[1]


def _wakes(n: Numbers) -> str:
    return WAKES[0] if n["freeze_primaries"] > 1 else WAKES[1]


LAB = Lab(
    slug="failover",
    topic="replication",
    title="Failover: fence, then promote",
    minutes=30,
    question="The primary dies, or freezes, while people buy. Who takes orders then, how soon, and are any lost?",
    goal="what the seconds of an outage go into, why frozen is worse than dead, and what RTO and RPO promise.",
    map="""\
orders ──► postgres-1  primary    ◄── killed; then frozen
   │            │ log, confirmed by both
   └ ─ ─ ─► postgres-2  replica
                ▲
manager: looks 4 times a second ─► fence the old one ─► promote the other""",
    predictions=(
        Number(
            id="nobody",
            text=f"Killed, nobody watches, repaired by hand after {REPAIR_S:g} s: for how long is no order confirmed?",
            unit="s",
            low=0,
            high=120,
            measured="nobody_outage_s",
            factor=1.4,
        ),
        Number(
            id="kill",
            text=f"Killed, with a manager that looks every {EVERY_S:g} s and acts when {LOOKS} looks in a row fail?",
            unit="s",
            low=0,
            high=120,
            measured="kill_outage_s",
            factor=1.8,
        ),
        Choice(id="first", text="Which is found gone sooner?", options=WINS, answer=_found_first),
        Choice(
            id="wakes",
            text="The frozen one was replaced. Somebody wakes it up. What happens?",
            options=WAKES,
            answer=_wakes,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=12, quick_seconds=7, warm_up_s=0),
    prepare=(),
    method=(nobody_watches, watched_kill, watched_freeze),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=300, samples=40),
)
