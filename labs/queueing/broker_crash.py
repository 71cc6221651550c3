"""The broker stalls and dies in the middle of a sale. Which orders are lost, and which promises prevent that?"""

import time
from collections.abc import Mapping
from typing import Any

from labs import plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.queueing import parcels
from labs.queueing.broker_crash_text import TEACHING
from labs.shop import Shop

RATE = 12.0
STALL_S = 2.0
ANNOUNCED = 25
FEW = 5
"""So many must wait for another try, or it shows nothing when none of them is lost."""
VARIANTS = {"careless": "no confirms, in memory", "careful": "confirms, on disk"}
SENT = "select count(*) as orders from orders.outbox where event = 'order.placed' and sent_at > to_timestamp({since})"
PLACED = "select count(*) as orders from orders.orders where placed_at > to_timestamp({since})"
LOST = """
select count(*) filter (where sent_at < to_timestamp({stalled})) as waiting,
       count(*) filter (where sent_at >= to_timestamp({stalled})) as unheard
from orders.orders join orders.outbox on event = 'order.placed' and payload ->> 'order_id' = order_id
where status = 'confirmed' and placed_at > to_timestamp({since})
"""
NEWS = """
select count(*) as events from orders.outbox
where sent_at is null or (event = 'order.shipped' and created_at > now() - interval '1 s')
"""


def careless(shop: Bench) -> None:
    """Publish without confirms, keep what waits for another try in memory, and kill the broker while it stalls."""
    shop.at_last("resend")
    shop.flag("relay.confirms", False)
    shop.flag("fulfilment.retry", "limited_in_memory")
    sell_and_kill(shop, "careless")


def find_and_resend(shop: Bench) -> None:
    """Look for what left no trace and announce it again, until every order is shipped."""
    shop.note("resent", shop.resend())
    parcels.all_packed(shop)
    shop.note("violated", len(shop.shop.check()))


def careful(shop: Bench) -> None:
    """Turn two knobs: an event is sent when the broker confirms it, and what waits is on disk. The same kill again."""
    shop.flag("relay.confirms", True)
    shop.flag("fulfilment.retry", "limited")
    sell_and_kill(shop, "careful")


def sell_and_kill(shop: Bench, variant: str) -> None:
    """Have work wait for another try, freeze the broker for two seconds of the sale, kill it, bring it back, count."""
    for replica in ("orders-1", "orders-2"):
        shop.fault("http_abort", replica, httpStatus=503, path="/internal/orders")
    since = time.time()
    with shop.watching(f"{variant}_unshipped", parcels.waiting):
        with shop.loading(variant):
            shop.wait_until(lambda: count(shop, SENT, since) >= ANNOUNCED, f"{ANNOUNCED} orders are announced")
            shop.note(f"{variant}_waiting", waiting_for_a_retry(shop.shop))
            stalled = stall_and_kill(shop, variant)
        shop.heal()
        healed = time.time()
        shop.wait_until(lambda: quiet(shop, healed), "all that can still arrive has arrived", timeout_s=40)
    (lost,) = shop.shop.rows(LOST.format(stalled=stalled, since=since))
    shop.note(f"{variant}_lost_waiting", lost["waiting"])
    shop.note(f"{variant}_lost_unheard", lost["unheard"])


def stall_and_kill(shop: Bench, variant: str) -> float:
    """Freeze the broker, kill it two seconds of orders later; when it froze, in seconds since 1970."""
    stalled, broken = time.time(), len(shop.faults)
    shop.fault("process_pause", "rabbitmq")
    shop.wait_until(lambda: count(shop, PLACED, stalled) >= RATE * STALL_S, "two seconds of orders came meanwhile")
    shop.note(f"{variant}_stalled_s", time.time() - stalled)
    shop.note(f"{variant}_placed", count(shop, PLACED, stalled))
    shop.fault("process_kill", "rabbitmq")
    shop.note(f"{variant}_kills", sum(fault["fault"] == "process_kill" for fault in shop.faults[broken:]))
    return stalled


def count(shop: Bench, query: str, since: float) -> int:
    """Orders since a moment, in seconds since 1970."""
    return int(shop.shop.rows(query.format(since=since))[0]["orders"])


def waiting_for_a_retry(shop: Shop) -> float:
    """How many messages wait for another try, on disk or in memory."""
    places = ("fulfilment.later.", "fulfilment.memory.")
    return float(sum(waiting for queue, waiting in shop.queues().items() if queue.startswith(places)))


def quiet(shop: Bench, healed: float) -> bool:
    """Whether the worker has had two seconds to come back, nothing is in the outbox or a queue, and no order was
    shipped within the last second.
    """
    queued = shop.shop.queues()["fulfilment"] + waiting_for_a_retry(shop.shop)
    return time.time() > healed + 2 and queued == 0 and not shop.shop.rows(NEWS)[0]["events"]


def measure(seen: Seen) -> Numbers:
    """Orders: `lost_waiting` while they waited for another try, `lost_unheard` on their way; `failed` checkouts."""
    n = dict(seen.facts)
    for variant in VARIANTS:
        load = seen[variant]
        n[f"{variant}_lost"] = n[f"{variant}_lost_waiting"] + n[f"{variant}_lost_unheard"]
        n[f"{variant}_orders"], n[f"{variant}_failed"] = load.outcomes["ok"], load.completed - load.outcomes["ok"]
    n["lost_waiting_percent"] = 100 * n["careless_lost_waiting"] / max(n["careless_waiting"], 1)
    return n


def findings(n: Numbers) -> list[Finding]:
    """Nothing is lost without a kill."""
    lost, unheard, waiting = n["careless_lost"], n["careless_lost_unheard"], n["careless_lost_waiting"]
    return [
        Finding(
            claim="Without confirms, what is written to a stalled broker counts as sent, and dies with it",
            holds=unheard >= 0.5 * RATE * STALL_S,
            measured=f"{unheard:.0f} orders announced in {n['careless_stalled_s']:.1f} s and lost",
            expected=f"at least half of {RATE:g} orders/s in {STALL_S:g} s",
        ),
        Finding(
            claim="What waits for another try in memory dies too, though its queue is durable",
            holds=waiting >= max(FEW, 0.5 * n["careless_waiting"]),
            measured=f"{waiting:.0f} lost; {n['careless_waiting']:.0f} waited a moment before",
            expected=f"at least half, and {FEW}",
        ),
        Finding(
            claim="The outbox still knows: what left no trace is announced again, and every order is shipped",
            holds=n["careless_kills"] == 1 and 0 < lost <= n["resent"] and n["violated"] == 0,
            measured=f"{lost:.0f} orders lost, {n['resent']:.0f} events announced again, then {n['violated']:.0f} "
            "invariants violated",
            expected="after one kill, at least as many events as lost orders; none violated",
        ),
        Finding(
            claim="With confirms, and on disk what waits, the same kill loses no order",
            holds=min(unheard, waiting, n["careful_kills"]) > 0
            and n["careful_placed"] >= 0.5 * RATE * STALL_S
            and n["careful_waiting"] >= FEW
            and n["careful_lost_unheard"] == 0 == n["careful_lost_waiting"],
            measured=f"on their way (confirms): {n['careful_lost_unheard']:.0f} of {n['careful_placed']:.0f} lost, "
            f"{unheard:.0f} before; while they waited (disk): {n['careful_lost_waiting']:.0f} of "
            f"{n['careful_waiting']:.0f}, {waiting:.0f} before",
            expected=f"none of either, after one kill; {0.5 * RATE * STALL_S:.0f} on their way and {FEW} waiting at "
            "least",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="no confirms: lost on their way", unit="orders", formula="λ·d, all placed while it stalled",
            expected=n["careless_placed"], measured=n["careless_lost_unheard"], question="unheard"),
        Row(what="in memory: lost while they waited", unit="orders", formula="all that waited",
            expected=n["careless_waiting"], measured=n["careless_lost_waiting"]),
        Row(what="confirms, on disk: lost", unit="orders", formula="0", expected=0, measured=n["careful_lost"]),
        Row(what="checkouts that failed meanwhile", unit="orders", formula="0: the outbox takes them", expected=0,
            measured=n["careless_failed"] + n["careful_failed"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What was lost where; orders that were not shipped, over time."""
    lost = {
        "on their way": [n[f"{variant}_lost_unheard"] for variant in VARIANTS],
        "while they waited": [n[f"{variant}_lost_waiting"] for variant in VARIANTS],
    }
    unshipped = {name: _from_zero(seen.series[f"{variant}_unshipped"]) for variant, name in VARIANTS.items()}
    return {
        "lost": plots.bars("Confirmed orders that nobody would have packed", "orders", list(VARIANTS.values()), lost),
        "unshipped": plots.curves("Orders confirmed and not shipped", "orders", unshipped),
    }


def _from_zero(points: parcels.Points) -> parcels.Points:
    return [(at - points[0][0], value) for at, value in points]


SURVIVE = ("all", "about half", "none")
LOSES = ("none", "those that are under way in the moment of the kill", "all that came while it stalled")
NOTICE = ("some checkouts fail", "no checkout fails")


def _survivors(n: Numbers) -> str:
    percent = n["lost_waiting_percent"]
    return SURVIVE[0] if percent < 20 else SURVIVE[1] if percent < 80 else SURVIVE[2]


def _loses(n: Numbers) -> str:
    return LOSES[0] if n["careful_lost"] == 0 else LOSES[1] if n["careful_lost"] < RATE else LOSES[2]


def _notices(n: Numbers) -> str:
    return NOTICE[0] if n["careless_failed"] + n["careful_failed"] > 0 else NOTICE[1]


LAB = Lab(
    slug="broker-crash",
    topic="queueing",
    title="A broker that dies, and what it takes to lose nothing",
    minutes=30,
    question="The broker stalls and is killed in the middle of a sale. Which confirmed orders does nobody pack?",
    goal="what a durable queue does not promise, what confirms and persistent messages add, and what an outbox is for.",
    map="""\
checkout ─► order + outbox row    one transaction
                  relay ──────► rabbitmq ──────► worker
                                   ▲  ◄── stalls 2 s, then killed
                                   └─ waits for another try""",
    predictions=(
        Number(
            id="unheard",
            text=f"No confirms, {RATE:g} orders/s, a stall of {STALL_S:g} s, a kill: how many are lost on their way?",
            unit="orders",
            low=0,
            high=1000,
            measured="careless_lost_unheard",
            factor=1.6,
        ),
        Choice(
            id="survivors",
            text="Transient messages waiting in a durable queue: how many survive the kill?",
            options=SURVIVE,
            answer=_survivors,
        ),
        Choice(
            id="careful",
            text="With confirms, and on disk what waits: which orders are lost?",
            options=LOSES,
            answer=_loses,
        ),
        Choice(
            id="shoppers",
            text="What do shoppers at the checkout notice while the broker is away?",
            options=NOTICE,
            answer=_notices,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=RATE, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=12, quick_seconds=6),
    prepare=(),
    method=(careless, find_and_resend, careful),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=300, samples=40),
)
