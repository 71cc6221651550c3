"""Every buyer sends the order twice, and payments answers late now and then. How many orders, how many charges?"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from labs import plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.resilience.idempotency_text import TEACHING

TWICE = LoadPlan(mix="twice", rate=6, seconds=20, quick_seconds=7, warm_up_s=0)
LATE_S = 2.3
"""The shop waits 2 s for payments: the charge is made after it has stopped listening."""
LATE_PERCENT = 30
VARIANTS = {"forgetful": "without keys", "keyed": "with keys"}
UNSETTLED = "select from orders.attempts where state in ('pending', 'failing')"
MADE = """
select count(distinct split_part(key, '~', 1)) as wishes, count(*) as orders, (
    select count(*) from payments.charges where state = 'charged' and created_at >= to_timestamp({since})) as charges
from orders.orders where placed_at >= to_timestamp({since})
"""


def without_keys(shop: Bench) -> None:
    """Let the shop take every request for a new order. Buyers send twice, and payments is late for some."""
    shop.flag("orders.idempotent", False)
    buy_twice(shop, "forgetful")


def with_keys(shop: Bench) -> None:
    """Turn one knob: the same key again is the same order. The same buyers, and payments as late."""
    shop.flag("orders.idempotent", True)
    buy_twice(shop, "keyed")


def buy_twice(shop: Bench, variant: str) -> None:
    """Everybody sends twice; payments hears all, and answers some too late. Count when every order is settled."""
    shop.fault(
        "http_delay", "payments-1", fixedDelay=LATE_S, percentage=LATE_PERCENT, path="/internal/payments/charges"
    )
    load = shop.rush(variant, TWICE)
    shop.heal()
    shop.wait_until(lambda: not shop.shop.rows(UNSETTLED), "every order is settled", timeout_s=60)
    (made,) = shop.shop.rows(MADE.format(since=load.started_at))
    for what in ("wishes", "orders", "charges"):
        shop.note(f"{variant}_{what}", made[what])
    shop.note(f"{variant}_violated", len(shop.shop.check()))


def measure(seen: Seen) -> Numbers:
    """Counts for each variant: requests, those that came a second time, unknown results, orders too many."""
    n = dict(seen.facts)
    for variant in VARIANTS:
        load = seen[variant]
        n[f"{variant}_requests"] = load.started
        n[f"{variant}_resent"] = load.started - len({order.key for order in load.orders})
        n[f"{variant}_unknown"] = sum(sample.status == 504 for sample in load.samples)
        n[f"{variant}_repeated"] = sum(sample.status == 200 for sample in load.samples)
        n[f"{variant}_two_orders"] = sum(len(ids) > 1 for ids in _seen_by_buyers(load).values())
        n[f"{variant}_surplus"] = n[f"{variant}_orders"] - n[f"{variant}_wishes"]
    return n


def _seen_by_buyers(load: LoadResult) -> Mapping[str, set[str]]:
    """The orders that a buyer was told of, by the buyer's key."""
    told: dict[str, set[str]] = defaultdict(set)
    for order in load.orders:
        if order.order_id:
            told[order.key].add(order.order_id)
    return told


def findings(n: Numbers) -> list[Finding]:
    """Nobody sends twice, and payments is never late, unless the lab makes them."""
    return [
        Finding(
            claim="Without keys, who sends an order twice has two orders and pays twice",
            holds=n["forgetful_surplus"] >= 0.6 * n["forgetful_resent"] > 0
            and n["forgetful_charges"] == n["forgetful_orders"],
            measured=f"{n['forgetful_orders']:.0f} orders and {n['forgetful_charges']:.0f} charges for "
            f"{n['forgetful_wishes']:.0f} wishes; {n['forgetful_resent']:.0f} were sent twice",
            expected="at least 0.6 too many for each that was sent twice, each with its charge",
        ),
        Finding(
            claim="The shop's own books see nothing wrong: to them these are two wishes",
            holds=n["forgetful_surplus"] > 0 == n["forgetful_violated"] and n["forgetful_two_orders"] > 0,
            measured=f"{n['forgetful_violated']:.0f} invariants violated; {n['forgetful_two_orders']:.0f} buyers were "
            "told of two orders",
            expected="none violated, with buyers who have two orders",
        ),
        Finding(
            claim="With keys there is one order and one charge for every wish; the second answer names the first order",
            holds=n["keyed_orders"] == n["keyed_wishes"] == n["keyed_charges"]
            and n["keyed_two_orders"] == 0 == n["keyed_violated"]
            and n["keyed_repeated"] >= 3,
            measured=f"{n['keyed_orders']:.0f} orders and {n['keyed_charges']:.0f} charges for "
            f"{n['keyed_wishes']:.0f} wishes; {n['keyed_resent']:.0f} sent twice, {n['keyed_repeated']:.0f} answered "
            "with the order there was",
            expected="as many of each; at least 3 who send twice are answered so",
        ),
        Finding(
            claim="A charge whose answer came too late is found again, not made again",
            holds=min(n["keyed_unknown"], n["keyed_repeated"]) >= 3
            and n["keyed_charges"] == n["keyed_orders"]
            and n["keyed_violated"] == 0,
            measured=f"{n['keyed_unknown']:.0f} requests had an unknown result, {n['keyed_repeated']:.0f} were told of "
            f"the order there was; {n['keyed_charges']:.0f} charges for {n['keyed_orders']:.0f} orders",
            expected="at least 3 of either; as many charges as orders",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="without keys: orders", unit="orders", formula="one for each request",
            expected=n["forgetful_requests"], measured=n["forgetful_orders"]),
        Row(what="without keys: orders too many", unit="orders", formula="requests - wishes",
            expected=n["forgetful_resent"], measured=n["forgetful_surplus"], question="surplus"),
        Row(what="with keys: orders", unit="orders", formula="one for each wish that became an order",
            expected=n["keyed_wishes"], measured=n["keyed_orders"]),
        Row(what="with keys: orders too many", unit="orders", formula="0, however often it is sent", expected=0,
            measured=n["keyed_surplus"]),
        Row(what="with keys: charges", unit="charges", formula="one for each order", expected=n["keyed_orders"],
            measured=n["keyed_charges"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Wishes beside orders and charges; what the requests were answered."""
    names = list(VARIANTS.values())
    made = {what: [n[f"{variant}_{what}"] for variant in VARIANTS] for what in ("wishes", "orders", "charges")}
    heard = {
        "a new order": [float(_answered(seen[variant], 201)) for variant in VARIANTS],
        "the same order": [n[f"{variant}_repeated"] for variant in VARIANTS],
        "unknown": [n[f"{variant}_unknown"] for variant in VARIANTS],
    }
    return {
        "made": plots.bars("What buyers wanted, and what came of it", "count", names, made),
        "heard": plots.bars("What requests were answered", "requests", names, heard),
    }


def _answered(load: LoadResult, status: int) -> int:
    return sum(sample.status == status for sample in load.samples)


COMPLAINS = ("yes: charges without orders", "yes: orders without charges", "no: all its books agree")


def _complains(n: Numbers) -> str:
    return COMPLAINS[2] if n["forgetful_violated"] == 0 else COMPLAINS[0]


def _charged_twice(n: Numbers) -> str:
    wrong = n["keyed_charges"] > n["keyed_orders"] or n["keyed_surplus"] > 0 or n["keyed_violated"] > 0
    return "yes" if wrong else "no"


LAB = Lab(
    slug="idempotency",
    topic="resilience",
    title="Idempotency keys",
    minutes=25,
    question="Buyers click twice, clients try again, and answers of payments get lost. What is bought, what is paid?",
    goal="why an unknown result is neither a success nor a failure, and how one key for each wish, passed all the way "
    "down, makes every step safe to repeat.",
    map="""\
buyer ══► gateway ──► orders ──► payments   ◄── some answers come after orders has stopped waiting
   │  same key twice:    │ key ─► attempt (one row)     the charge is made all the same
   │  double click, or   │ key + round ─► charge (one row)
   └  again after 3 s    └ key ─► order (one row)""",
    predictions=(
        Number(
            id="surplus",
            text=f"{TWICE.rate:g} buyers a second for {TWICE.quick_seconds:g} s (or {TWICE.seconds:g}), most send "
            "twice, no keys: how many orders too many?",
            unit="orders",
            low=0,
            high=1000,
            measured="forgetful_surplus",
            factor=1.4,
        ),
        Choice(
            id="complains",
            text="Without keys: does the shop's own check complain?",
            options=COMPLAINS,
            answer=_complains,
        ),
        Choice(
            id="charged_twice",
            text="With keys: a charge is made after the shop stopped waiting, the buyer tries again. Charged twice?",
            options=("yes", "no"),
            answer=_charged_twice,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=6, seconds=20, quick_seconds=7, warm_up_s=0),
    prepare=(),
    method=(without_keys, with_keys),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=40),
)
