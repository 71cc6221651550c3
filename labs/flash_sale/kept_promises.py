"""An order's page, watched while part after part of the shop fails: does it ever take back what it said?"""

import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from labs import plots, probes
from labs.engine.bench import Bench
from labs.flash_sale.kept_promises_text import TEACHING
from labs.flash_sale.witnesses import STEPS, Crowd, Witness
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.replication.servers import server, synchronous

ITEM = "tea-002"
BUYERS, APART_S = 6, 0.2
SLOW_S, LATE_S = 1.0, 2.3
PAGE_WAIT_S = 3.8
"""The shop waits 2 s for payments: 1 s late is slow, 2.3 s late is unknown. The page asks once more by itself, and says
after so long at most that it does not know.
"""
FELT_S = 0.5
"""Who waits so long for a page has noticed."""
EAGER = "eager"


SHOWN = (EAGER, "late", "down", "warehouse")


class Point(NamedTuple):
    """A part that fails: its name in plots, the fault, whom it strikes (nobody: the primary, whoever that is), how, and
    for how long after the last buyer has come.
    """

    name: str
    fault: str
    target: str = ""
    given: Mapping[str, Any] = {}
    hold_s: float = 0.8


CHARGES = "/internal/payments/charges"
POINTS = {
    "slow": Point("payment slow", "http_delay", "payments-1", {"fixedDelay": SLOW_S, "path": CHARGES}),
    "late": Point("payment unknown", "http_delay", "payments-1", {"fixedDelay": LATE_S, "path": CHARGES}, 2.5),
    "down": Point("payments down", "http_abort", "payments-1", {"httpStatus": 503, "path": CHARGES}),
    "broker": Point("broker away", "down", "rabbitmq"),
    "warehouse": Point("warehouse away", "process_stop", "fulfilment-1"),
    "primary": Point("primary lost", "primary_kill"),
}
ALL = {EAGER: Point("told at once, payments down", *POINTS["down"][1:]), **POINTS}


def told_at_once(shop: Bench) -> None:
    """Tell buyers that their order is placed before anything is tried. Then payments is down."""
    shop.at_last("switchover", server(shop.shop, "primary"))
    shop.flag("orders.confirm", "at_once")
    watch(shop, EAGER)


def told_when_paid(shop: Bench) -> None:
    """Turn one knob: an order is shown as placed when it is paid and written down. Part after part fails."""
    shop.flag("orders.confirm", "when_paid")
    for point in ("slow", "late", "down", "broker", "warehouse"):
        watch(shop, point)


def primary_lost(shop: Bench) -> None:
    """Have orders wait for the replica and a lost primary replaced, and kill the primary."""
    shop.flag("postgres.synchronous", True)
    shop.flag("postgres.failover", "promote")
    shop.wait_until(lambda: synchronous(shop.shop), "orders are confirmed by both servers")
    old = server(shop.shop, "primary")
    watch(shop, "primary")
    shop.note("replaced", server(shop.shop, "primary") != old)
    shop.note("violated", len(shop.shop.check()))


def watch(shop: Bench, key: str) -> None:
    """Break one part, let buyers come, heal, and watch every order's page to its end."""
    point, crowd = ALL[key], Crowd(shop.shop.url, ITEM, BUYERS, APART_S)
    shop.fault(point.fault, point.target or server(shop.shop, "primary"), **point.given)
    crowd.come()
    until = time.monotonic() + point.hold_s
    shop.wait_until(lambda: time.monotonic() >= until, "all have asked")
    healed = time.time()
    shop.heal()
    shop.wait_until(crowd.ended, "everybody has seen the end of it", timeout_s=60)
    count(shop, key, crowd.witnesses)
    seen = [(at, state) for witness in crowd.witnesses for at, state in witness.seen]
    shop.note(f"{key}_meanwhile", sum(state == "shipped" and at < healed for at, state in seen))


def count(shop: Bench, key: str, witnesses: Sequence[Witness]) -> None:
    """How many were told what; the way of the first one, and every way there was into the journal."""
    for state in ("not bought", "not known", "placed", "shipped", "cancelled"):
        told = sum(state in witness.history for witness in witnesses)
        shop.note(f"{key}_{state.replace(' ', '_')}", told)
    shop.note(f"{key}_doubted", sum(witness.doubted for witness in witnesses))
    shop.note(f"{key}_taken_back", sum(witness.taken_back for witness in witnesses))
    shop.note(f"{key}_placed_s", median([witness.until_s("placed") for witness in witnesses]))
    shop.note(f"{key}_slowest_s", max(witness.until_s("placed") for witness in witnesses))
    shop.note(f"{key}_shipped_s", max(witness.until_s("shipped") - witness.until_s("placed") for witness in witnesses))
    shop.note(f"{key}_told_s", median([witness.first_told_s for witness in witnesses]))
    for way in sorted({witness.history for witness in witnesses}):
        same = sum(witness.history == way for witness in witnesses)
        shop.say("pages", f"{same} of {len(witnesses)}: {' → '.join(way)}")
    shop.series[key] = witnesses[0].curve()


def measure(seen: Seen) -> Numbers:
    """For each point: how many were told what, promises taken back, seconds until placed and from there to shipped;
    `_meanwhile` parcels left while the part was away, which older runs did not count.
    """
    n = {f"{point}_meanwhile": 0.0 for point in POINTS} | dict(seen.facts)
    n["taken_back"] = sum(n[f"{point}_taken_back"] for point in POINTS)
    n["shipped"] = sum(n[f"{point}_shipped"] for point in POINTS)
    n["buyers"] = BUYERS * len(POINTS)
    n["pressed_again"] = sum(n[f"{point}_doubted"] for point in POINTS)
    return n


def findings(n: Numbers) -> list[Finding]:
    """Where nothing fails, there is nothing to take back, nobody has to press again or to wait, and parcels leave at
    once.
    """
    kept = n["taken_back"] == 0 and n["shipped"] == n["buyers"]
    return [
        Finding(
            claim="Told at once, buyers see an order placed that nobody could charge, and then see it cancelled",
            holds=n["eager_taken_back"] >= 0.8 * BUYERS,
            measured=f"{n['eager_taken_back']:.0f} of {BUYERS} promises taken back",
            expected="at least 0.8 of them",
        ),
        Finding(
            claim="Told when it is paid, the same buyers hear that nothing was bought, press again, and get it",
            holds=n["down_not_bought"] >= 0.8 * BUYERS and n["down_taken_back"] == 0 and n["down_shipped"] == BUYERS,
            measured=f"{n['down_not_bought']:.0f} heard it, {n['down_taken_back']:.0f} taken back, "
            f"{n['down_shipped']:.0f} of {BUYERS} shipped",
            expected="at least 0.8 of them heard it; none taken back, all shipped",
        ),
        Finding(
            claim="When payments answers too late nobody can know, and the page says so; pressing again finds out",
            holds=n["slow_placed_s"] >= SLOW_S
            and n["late_not_known"] >= 0.8 * BUYERS
            and n["late_taken_back"] == 0
            and n["late_shipped"] == BUYERS,
            measured=f"{n['late_not_known']:.0f} heard it, {n['late_taken_back']:.0f} taken back, "
            f"{n['late_shipped']:.0f} of {BUYERS} shipped; {SLOW_S:g} s late, it was placed after "
            f"{n['slow_placed_s']:.1f} s",
            expected=f"at least 0.8 of them heard it; none taken back, all shipped; {SLOW_S:g} s late is waited for",
        ),
        Finding(
            claim="A broker or a warehouse that is away delays parcels alone: the order is placed, and stays",
            holds=all(
                n[f"{point}_meanwhile"] == 0
                and n[f"{point}_shipped_s"] >= 1.5
                and n[f"{point}_placed_s"] <= 1.0
                and n[f"{point}_taken_back"] == 0
                for point in ("broker", "warehouse")
            ),
            measured="; ".join(
                f"{POINTS[point].name}: placed after {n[f'{point}_placed_s']:.1f} s, shipped up to "
                f"{n[f'{point}_shipped_s']:.1f} s later, {n[f'{point}_meanwhile']:.0f} while it was away"
                for point in ("broker", "warehouse")
            ),
            expected="placed within a second, shipped at least 1.5 s later, none while it was away; none taken back",
        ),
        Finding(
            claim="A lost primary is replaced, and who comes meanwhile is told the truth and gets the order",
            holds=n["replaced"] == 1
            and (n["primary_doubted"] > 0 or n["primary_slowest_s"] >= FELT_S)
            and n["primary_taken_back"] == 0
            and n["primary_shipped"] == BUYERS,
            measured=f"primary replaced: {n['replaced']:.0f}; placed after up to {n['primary_slowest_s']:.1f} s, "
            f"{n['primary_doubted']:.0f} pressed again; {n['primary_taken_back']:.0f} taken back, "
            f"{n['primary_shipped']:.0f} of {BUYERS} shipped",
            expected=f"replaced; somebody waits {FELT_S:g} s or presses again; none taken back, all shipped",
        ),
        Finding(
            claim="Through six failures no page ever goes back, everybody gets the order, and the books agree",
            holds=kept and n["violated"] == 0 and min(n["down_doubted"], n["late_doubted"]) >= 0.8 * BUYERS,
            measured=f"{n['taken_back']:.0f} of {n['buyers']:.0f} taken back, {n['shipped']:.0f} shipped, "
            f"{n['violated']:.0f} invariants violated; {n['pressed_again']:.0f} buyers had to press again",
            expected="none taken back, all shipped, none violated; at least 0.8 of the buyers pressed again when "
            "payments was down and when it was unknown",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Promises and seconds."""
    return [
        Row(what="told at once, payments down: taken back", unit="orders", formula="all who come meanwhile",
            expected=BUYERS, measured=n["eager_taken_back"], question="taken_back"),
        Row(what="told when paid, six failures: taken back", unit="orders", formula="0", expected=0,
            measured=n["taken_back"]),
        Row(what="payment slow: until the order is placed", unit="s", formula="the delay, and a little",
            expected=SLOW_S, measured=n["slow_placed_s"]),
        Row(what="payment unknown: until somebody says so", unit="s", formula="the page's patience: 3.8 s",
            expected=PAGE_WAIT_S, measured=n["late_told_s"], question="told"),
        Row(what="warehouse away: from placed to shipped", unit="s", formula="until it is healed",
            expected=BUYERS * APART_S + POINTS["warehouse"].hold_s,
            measured=n["warehouse_shipped_s"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What buyers were told at each point, and the way of the first of them."""
    names = [point.name.replace("payments ", "").replace("payment ", "") for point in ALL.values()]
    honest = {state: [n[f"{key}_{state.replace(' ', '_')}"] for key in ALL] for state in ("not bought", "not known")}
    back = {"taken back": [n[f"{key}_taken_back"] for key in ALL]}
    ways = plots.curves("The page of one buyer", "", {ALL[key].name: seen.series[key] for key in SHOWN})
    ways.update_yaxes(tickvals=list(range(len(STEPS))), ticktext=STEPS)
    return {
        "told": plots.bars("Honest bad news, buyer by buyer", "buyers", names, honest),
        "back": plots.bars("Promises taken back", "buyers", names, back),
        "ways": ways,
    }


SAYS = ("your order is placed", "nothing was bought, press again", "we do not know yet, press again")


def _late(n: Numbers) -> str:
    return SAYS[2] if n["late_not_known"] > 0 else SAYS[1] if n["late_not_bought"] > 0 else SAYS[0]


def _broker(n: Numbers) -> str:
    return SAYS[2] if n["broker_not_known"] > 0 else SAYS[1] if n["broker_not_bought"] > 0 else SAYS[0]


LAB = Lab(
    slug="kept-promises",
    topic="flash_sale",
    title="A promise is not taken back",
    minutes=30,
    question="Part after part fails while people buy. What does an order's page say, and does it ever take it back?",
    goal="what may be promised when, how to say that one does not know, and why a page may only ever move forward.",
    map="""\
buyer ◄── the order's page:  asked ─► not bought, not known (press again) ─► placed ─► shipped
  │                                                                            └─✗─► cancelled
  └─► storefront ─► orders ─► payments ◄── slow, unknown, down
                       │ ─► Postgres   ◄── the primary is lost
                       └─► broker      ◄── away ─► warehouse ◄── away""",
    predictions=(
        Number(
            id="taken_back",
            text=f"Orders are shown as placed at once, and payments is down. Of {BUYERS} buyers, how many "
            "see their order cancelled?",
            unit="orders",
            low=0,
            high=BUYERS,
            measured="eager_taken_back",
            factor=1.25,
        ),
        Number(
            id="told",
            text=f"Payments answers after {LATE_S:g} s. After how many seconds does the page say anything?",
            unit="s",
            low=0,
            high=30,
            measured="late_told_s",
            factor=1.4,
        ),
        Choice(id="late", text="And what does it say?", options=SAYS, answer=_late),
        Choice(id="broker", text="The broker is away. What does the page say?", options=SAYS, answer=_broker),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    prepare=(),
    method=(told_at_once, told_when_paid, primary_lost),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=20),
)
