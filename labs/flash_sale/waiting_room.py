"""Far more people than pieces, all at once. Who gets one: who came first, or who pressed at the right moment?"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.flash_sale.fairness import buyers, journeys, jumped, per_second, rank_correlation
from labs.flash_sale.waiting_room_text import TEACHING
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.load.histogram import Histogram
from labs.load.line import SENT_AWAY
from labs.load.mixes import LINE
from labs.shop import Shop

ITEM, PIECES = "pot-020", 60
DECIDE_S, THREADS = 0.4, 6
CAPACITY = formulas.throughput_limit(THREADS, DECIDE_S)
RATE = 6.0
"""People admitted a second: less than half of what the order path can do, as others want to buy, too."""
CROWD = LoadPlan(mix=LINE.format(sku=ITEM), rate=30, seconds=10, quick_seconds=6, warm_up_s=0)
OTHERS = LoadPlan(mix="checkout", rate=3, seconds=16, quick_seconds=10, warm_up_s=0, seed=1)
PAGE_BUDGET_MS = 50.0
PHASES = {"naive": "no line", "room": "waiting room"}
LEFT = f"select sum(available)::int as pieces from inventory.stock where sku = '{ITEM}'"


def slow_orders(shop: Bench) -> None:
    """Let the shop think for 0.4 s about every order, and have one replica of orders: 15 a second is all it can do."""
    shop.shop.stop_sale()  # a learner may have left one on
    shop.at_last("restock", ITEM, left(shop.shop))
    shop.flag("inventory.decide_ms", DECIDE_S * 1000)
    shop.scale("orders", 1)


def no_line(shop: Bench) -> None:
    """Open the doors: twice as many come as can be served, and who is turned away presses again."""
    shop.restock(ITEM, PIECES)
    rush(shop, "naive")


def waiting_room(shop: Bench) -> None:
    """Turn one knob: the item is on sale, with a line before it. The same crowd again, and a browser that reloads."""
    shop.sale(ITEM, PIECES, RATE)
    browser = build_opener(HTTPCookieProcessor())
    with shop.watching("page", lambda seen: load_ms(browser, f"{seen.url}/sale/{ITEM}"), every_s=0.1):
        rush(shop, "room")


def rush(shop: Bench, phase: str) -> None:
    """The crowd, and beside it shoppers who want something else."""
    with shop.loading(f"{phase}_others", OTHERS):
        shop.rush(phase, CROWD)
    shop.note(f"{phase}_left", left(shop.shop))


def load_ms(browser: OpenerDirector, address: str) -> float:
    """How long a page takes."""
    began = time.perf_counter()
    with browser.open(address, timeout=5) as page:
        page.read()
    return (time.perf_counter() - began) * 1000


def left(shop: Shop) -> int:
    """Pieces of the item that nobody has."""
    return int(shop.rows(LEFT)[0]["pieces"])


def measure(seen: Seen) -> Numbers:
    """For both: people, buyers, pieces that did not go to the first to come (`_jumped`), how far the order was kept,
    presses of the order path and those that were sent to the line (`_sent_away`); waiting.
    """
    n = dict(seen.facts)
    for phase in PHASES:
        people = journeys(seen[phase].samples)
        bought = buyers(people)
        n[f"{phase}_people"], n[f"{phase}_bought"] = len(people), len(bought)
        n[f"{phase}_jumped"] = jumped(people)
        n[f"{phase}_rank"] = rank_correlation([(each.lined_s, each.turn_s or 0) for each in bought])
        n[f"{phase}_presses"] = sum(each.presses for each in people)
        n[f"{phase}_sent_away"] = sum(s.what == "checkout" and s.status == SENT_AWAY for s in seen[phase].samples)
        n[f"{phase}_checkout_ms"] = percentile(seen[phase], "checkout", 90)
        n[f"{phase}_others_failed"] = failed_share(seen[f"{phase}_others"])
        n[f"{phase}_others_ms"] = seen[f"{phase}_others"].latency.percentile(50)
    bought = buyers(journeys(seen["room"].samples))
    n["last_wait_s"] = (bought[-1].turn_s or 0) - bought[-1].arrived_s if bought else 0.0
    n["admitted_rate"] = per_second([each.turn_s or 0 for each in bought])
    n["asked"] = seen["room"].select(what="line").offered
    pages = Histogram(seen.values("page"))
    n["page_ms"], n["page_p99_ms"] = pages.percentile(90), pages.percentile(99)
    return n


def percentile(load: LoadResult, what: str, rank: float) -> float:
    """Of the answers to one kind of request, in ms; 0 without any."""
    part = load.select(what=what)
    return part.latency.percentile(rank) if part.offered else 0.0


def failed_share(load: LoadResult) -> float:
    """How many requests did not end well, 0 to 1."""
    return 1 - load.outcomes["ok"] / max(load.started, 1)


def findings(n: Numbers) -> list[Finding]:
    """Each needs the crowd: a few people in a quiet shop neither push in nor wait."""
    return [
        Finding(
            claim="Without a line many pieces go to others than the first to come: to whoever presses at the right "
            "moment",
            holds=n["naive_jumped"] >= 0.15 * PIECES and n["naive_rank"] <= 0.97,
            measured=f"{n['naive_jumped']:.0f} of {n['naive_bought']:.0f} pieces did; rank correlation of arrival and "
            f"turn {n['naive_rank']:.2f}",
            expected="at least 15 % of the pieces; correlation at most 0.97",
        ),
        Finding(
            claim="With the line who came first is served first, and all pieces are sold",
            holds=n["room_rank"] >= 0.99 and n["room_bought"] == PIECES and n["last_wait_s"] >= 2,
            measured=f"rank correlation {n['room_rank']:.3f}, {n['room_jumped']:.0f} of {n['room_bought']:.0f} pieces "
            f"went to others than the first to come; the last buyer waited {n['last_wait_s']:.1f} s",
            expected=f"at least 0.99; {PIECES} sold, after a wait that is felt",
        ),
        Finding(
            claim="People come in at the rate that was set, and the wait is what the arithmetic says",
            holds=0.85 <= n["admitted_rate"] / RATE <= 1.15 and 0.7 <= n["last_wait_s"] / wait_s() <= 1.4,
            measured=f"{n['admitted_rate']:.1f} people a second; the last buyer waited {n['last_wait_s']:.1f} s, "
            f"arithmetic {wait_s():.1f} s",
            expected=f"within 15 % of {RATE:g}; the wait within 0.7 to 1.4 of the arithmetic",
        ),
        Finding(
            claim="Without a line other shoppers suffer from a pot they do not want; with it they do not notice",
            holds=n["naive_people"] >= PIECES
            and n["naive_others_failed"] >= 0.2
            and n["room_others_failed"] <= 0.25 * n["naive_others_failed"],
            measured=f"of their orders failed: {n['naive_others_failed']:.0%} without, {n['room_others_failed']:.0%} "
            f"with the line; {n['naive_people']:.0f} people came for {PIECES} pieces",
            expected="at least 20 % without, with it a quarter of that at most; people at least as many as pieces",
        ),
        Finding(
            claim="With the line one press is sent to it, and hardly any other is in vain; its page takes a fraction "
            "of what a press took",
            holds=n["naive_presses"] >= 1.5 * n["naive_people"]
            and n["room_sent_away"] <= 1.1 * n["room_people"]
            and n["room_presses"] <= 0.75 * n["room_people"]
            and n["page_ms"] <= 0.4 * n["naive_checkout_ms"],
            measured=f"presses of {n['naive_people']:.0f} people: {n['naive_presses']:.0f} without; with it "
            f"{n['room_presses']:.0f} reached the order path, {n['room_sent_away']:.0f} were sent to the line; "
            f"p90 of a press {n['naive_checkout_ms']:.0f} ms, of the line's page {n['page_ms']:.0f} ms",
            expected="1.5 for each without; with it 0.75 at most, 1.1 sent to the line; the page in 0.4 of the time",
        ),
    ]


def wait_s() -> float:
    """What the last buyer should wait."""
    return formulas.wait_in_line_s(PIECES, CROWD.rate, RATE)


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="no line: pieces that did not go to the first to come", unit="pieces",
            formula=f"at random, r = (μ - {OTHERS.rate:g}) / λ: P · (1 - r) / r · r^(1 / (1 - r))",
            expected=formulas.jumped_at_random(PIECES, CROWD.rate, CAPACITY - OTHERS.rate), measured=n["naive_jumped"],
            question="jumped"),
        Row(what="waiting room: pieces that did not go to the first to come", unit="pieces",
            formula="0: first come, first served", expected=0, measured=n["room_jumped"]),
        Row(what="people admitted", unit="1/s", formula="R", expected=RATE, measured=n["admitted_rate"]),
        Row(what=f"wait of person {PIECES}", unit="s", formula="(n - 1) · (1/R - 1/λ)", expected=wait_s(),
            measured=n["last_wait_s"], question="wait"),
        Row(what="waiting room: its page, p99", unit="ms", formula="the budget", expected=PAGE_BUDGET_MS,
            measured=n["page_p99_ms"]),
        Row(what="no line: presses for each person", unit="presses", formula="1 would do", expected=1,
            measured=n["naive_presses"] / max(n["naive_people"], 1)),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Who came when and who was served when; what other shoppers met."""
    served = {
        name: [
            (person.bought_s, float(place))
            for place, person in enumerate(journeys(seen[phase].samples), start=1)
            if person.bought_s is not None
        ]
        for phase, name in PHASES.items()
    }
    names = list(PHASES.values())
    failed = {"orders": [100 * n[f"{phase}_others_failed"] for phase in PHASES]}
    counted = {"people": "people", "presses": "presses", "sent to the line": "sent_away"}
    presses = {name: [n[f"{phase}_{what}"] for phase in PHASES] for name, what in counted.items()}
    return {
        "served": plots.curves("Each dot is a buyer: when they had it, and as which they came", "came as number",
                               served, dots=names),
        "presses": plots.bars("Presses of the buy button", "number", names, presses),
        "others": plots.bars("Orders of other shoppers that failed", "%", names, failed),
    }  # fmt: skip


SHARES = ("none", "a few", "every fifth or more")


def _others(n: Numbers) -> str:
    failed = n["naive_others_failed"]
    return SHARES[2] if failed >= 0.2 else SHARES[1] if failed > 0 else SHARES[0]


def _pushed_in(n: Numbers) -> str:
    return "yes" if n["room_rank"] < 0.99 else "no"


LAB = Lab(
    slug="waiting-room",
    topic="flash_sale",
    title="A fair place in line",
    minutes=30,
    question="Several times as many people as pieces, twice as many a second as can be served. Who gets one?",
    goal="why a rush without a line rewards luck and hurts bystanders, how numbered tickets and a rate of admission "
    "cure it, and what waiting in line costs.",
    map="""\
crowd ──► buy ──► orders ──► inventory   15 a second at most       ◄── others who buy something else
  ▲        │        │ 403: not your turn
  │        ▼        ▼
  └── waiting room: number n comes in when n ≤ R · t               6 a second""",
    predictions=(
        Number(
            id="jumped",
            text=f"No line: of {PIECES} pieces, how many go to people who are not among the first {PIECES} to come?",
            unit="pieces",
            low=0,
            high=PIECES,
            measured="naive_jumped",
            factor=1.8,
        ),
        Number(
            id="wait",
            text=f"{CROWD.rate:g} people a second come, {RATE:g} are let in: how long does number {PIECES} wait?",
            unit="s",
            low=0,
            high=120,
            measured="last_wait_s",
            factor=1.3,
        ),
        Choice(id="others", text="No line: how many orders of other shoppers fail?", options=SHARES, answer=_others),
        Choice(
            id="pushed_in",
            text="In the line people load the page again and again. Does that bring anybody forward?",
            options=("yes", "no"),
            answer=_pushed_in,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=10, quick_seconds=3),
    load=LoadPlan(mix=CROWD.mix, rate=1.5, seconds=6, quick_seconds=4, warm_up_s=0),
    prepare=(slow_orders,),
    method=(no_line, waiting_room),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=20),
)
