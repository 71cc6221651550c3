"""A rare item is sold, and bots come that never sleep. Which limit holds them back, and what becomes of people?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.load.request import BOT_ADDRESSES
from labs.load.sample import BOT, BUYER
from labs.load.scalpers import GRAB, ITEM, SCALPERS_FOR_A_FAN
from labs.resilience.rate_limits_text import TEACHING
from labs.shop import Shop

FANS = LoadPlan(mix="fans", rate=6, seconds=20, quick_seconds=5, arrival="poisson", warm_up_s=0)
CROWD = replace(FANS, mix="scalpers", rate=FANS.rate * (1 + SCALPERS_FOR_A_FAN))
PIECES_FOR_A_FAN = 2
SEARCH_MS = 400
SEARCHES_PER_S = 10
PER_S, BURST = 1, 5
PER_MIN = 3
FEW = 2
"""So many of a hundred requests a busy machine may shed, whoever sends them."""
OPEN = "shop_rate_limit_open_total"
LEFT = f"select sum(available)::int as pieces from inventory.stock where sku = '{ITEM}'"
PHASES = {
    "alone": "fans alone",
    "naive": "no limit",
    "total": "one for all",
    "limited": "one for each",
    "blind": "uncounted",
}


def searching_is_dear(shop: Bench) -> None:
    """Let each search that is not cached hold a database connection for 0.4 s, as in a shop with a large table."""
    shop.at_last("restock", ITEM, max(0, int(shop.shop.rows(LEFT)[0]["pieces"])))
    shop.flag("catalog.origin_ms", SEARCH_MS)


def alone(shop: Bench) -> None:
    """Deliver twice as many pieces as fans want; fans alone come."""
    deliver(shop)
    shop.load("alone")


def naive(shop: Bench) -> None:
    """Switch every limit off, deliver again, and let scalpers' bots come as well: six requests for each fan."""
    shop.flag("gateway.rate_limits", "off")
    shop.flag("orders.rate_limit", 0)
    shop.flag("catalog.rate_limit", 0)
    crowd(shop, "naive")


def total(shop: Bench) -> None:
    """One limit for all together: so many searches a second, whoever searches. The same crowd."""
    shop.flag("catalog.rate_limit", SEARCHES_PER_S)
    crowd(shop, "total")


def limited(shop: Bench) -> None:
    """A limit for each address at the gateway, and for each shopper and each card at the checkout. The same crowd."""
    shop.flag("catalog.rate_limit", "default")
    shop.flag("orders.rate_limit", PER_MIN)
    shop.flag("gateway.rate_per_s", PER_S)
    shop.flag("gateway.rate_burst", BURST)
    shop.flag("gateway.rate_limits", "visitors")
    crowd(shop, "limited")


def blind(shop: Bench) -> None:
    """Cut orders off from all cache nodes, where it counts checkouts. The same crowd once more."""
    before = let_through_uncounted(shop.shop)
    shop.fault("down", "orders:memcached")
    crowd(shop, "blind")
    shop.note("uncounted", let_through_uncounted(shop.shop) - before)


def crowd(shop: Bench, phase: str) -> None:
    """Deliver and let fans and bots in; each time other ones, as what was searched for before is cached."""
    deliver(shop)
    shop.rush(phase, replace(CROWD, seed=list(PHASES).index(phase)))


def deliver(shop: Bench) -> None:
    """Twice as many pieces as fans will want."""
    shop.restock(ITEM, round(PIECES_FOR_A_FAN * FANS.rate * shop.seconds(FANS)))


def let_through_uncounted(shop: Shop) -> float:
    """Checkouts that nobody could count, so far."""
    return sum(value for name, value in shop.metrics("orders").items() if name.startswith(OPEN))


def measure(seen: Seen) -> Numbers:
    """For each phase, of fans and of bots: requests refused with 429, in percent, by anybody (`refused`) and by the
    gateway (`stopped`); checkouts refused by orders (`held`); pieces; and what fans met.
    """
    n = dict(seen.facts)
    for phase in PHASES:
        for who, kind in (("fans", BUYER), ("bots", BOT)):
            load = seen[phase].select(kind=kind)
            n |= {f"{phase}_{who}_{name}": value for name, value in _of(load, 1 if kind == BUYER else GRAB).items()}
        pieces = n[f"{phase}_fans_pieces"] + n[f"{phase}_bots_pieces"]
        n[f"{phase}_bots_share"] = 100 * n[f"{phase}_bots_pieces"] / max(pieces, 1)
    return n | {"seconds": seen["limited"].duration_s}


def _of(load: LoadResult, grab: int) -> dict[str, float]:
    """Of one kind of clients. `through`: past the gateway's limit, whatever a service said then."""
    looks, searches, buys = (load.select(what=what) for what in ("look", "search", "checkout"))
    stopped = sum(each.status == 429 and each.replica == "gateway" for each in load.samples)
    return {
        "came": load.started,
        "through": load.started - stopped,
        "stopped": 100 * stopped / max(load.started, 1),
        "held": sum(each.status == 429 and each.replica != "gateway" for each in buys.samples),
        "refused": percent_refused(load),
        "searches_refused": percent_refused(searches),
        "searches_served": searches.outcomes["ok"],
        "look_p90_ms": looks.latency.percentile(90),
        "bought": 100 * buys.outcomes["ok"] / max(buys.started, 1),
        "pieces": grab * buys.outcomes["ok"],
    }


def percent_refused(load: LoadResult) -> float:
    return 100 * sum(sample.status == 429 for sample in load.samples) / max(load.started, 1)


def findings(n: Numbers) -> list[Finding]:
    """Each needs the bots: fans alone are refused nothing and find all they want."""
    slow = n["naive_fans_look_p90_ms"] >= 3 * n["alone_fans_look_p90_ms"]
    robbed = n["naive_bots_share"] >= 50
    return [
        Finding(
            claim="Without limits bots take most of what there is, and most fans go home without",
            holds=robbed and n["naive_fans_bought"] <= 60 and n["alone_fans_bought"] >= 95,
            measured=f"bots have {n['naive_bots_share']:.0f} % of the pieces; of the fans' checkouts "
            f"{n['naive_fans_bought']:.0f} % succeed, alone {n['alone_fans_bought']:.0f} %",
            expected="at least 50 %; at most 60 %, alone at least 95 %",
        ),
        Finding(
            claim="One limit for all keeps the shop well and cannot tell whom it refuses: fans' searches go as well",
            holds=slow
            and n["total_fans_look_p90_ms"] <= 0.5 * n["naive_fans_look_p90_ms"]
            and n["total_fans_searches_refused"] >= 30
            and n["total_bots_searches_refused"] >= 30,
            measured=f"looking takes {n['naive_fans_look_p90_ms']:.0f} ms without and "
            f"{n['total_fans_look_p90_ms']:.0f} ms with it (p90); of the fans' searches "
            f"{n['total_fans_searches_refused']:.0f} % are refused, of the bots' "
            f"{n['total_bots_searches_refused']:.0f} %",
            expected="half as long or less; both at least 30 %",
        ),
        Finding(
            claim="A limit for each address holds back who asks too often, and hardly a fan",
            holds=n["limited_bots_stopped"] >= 60 and n["limited_fans_refused"] <= FEW,
            measured=f"refused by the gateway: {n['limited_bots_stopped']:.0f} % of the bots' requests; of the fans', "
            f"by anybody, {n['limited_fans_refused']:.1f} %",
            expected=f"at least 60 %, at most {FEW} %",
        ),
        Finding(
            claim="Fans get what they got when they were alone, as fast as then",
            holds=slow
            and robbed
            and n["limited_fans_bought"] >= 95
            and n["limited_bots_pieces"] <= 0.4 * n["naive_bots_pieces"]
            and n["limited_fans_look_p90_ms"] <= 0.5 * n["naive_fans_look_p90_ms"],
            measured=f"of the fans' checkouts {n['limited_fans_bought']:.0f} % succeed, bots have "
            f"{n['limited_bots_pieces']:.0f} pieces instead of {n['naive_bots_pieces']:.0f}; looking: alone "
            f"{n['alone_fans_look_p90_ms']:.0f} ms, without limits {n['naive_fans_look_p90_ms']:.0f} ms, with them "
            f"{n['limited_fans_look_p90_ms']:.0f} ms",
            expected="at least 95 %; at most 0.4 of the pieces and half the waiting there was without limits",
        ),
        Finding(
            claim="When no node can count, everybody gets through, and the shop says so",
            holds=n["uncounted"] > 0
            and n["blind_fans_refused"] <= FEW
            and n["blind_bots_held"] == 0 < n["blind_bots_bought"],
            measured=f"{n['uncounted']:.0f} checkouts uncounted; {n['blind_fans_refused']:.1f} % of the fans' requests "
            f"are refused, and of the bots' {n['blind_bots_held']:.0f} checkouts that passed the gateway: they have "
            f"{n['blind_bots_pieces']:.0f} pieces instead of {n['limited_bots_pieces']:.0f}",
            expected=f"some; at most {FEW} % of the fans' requests; no checkout that passed the gateway",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    through = len(BOT_ADDRESSES) * formulas.leaky_bucket(BURST, PER_S, n["seconds"])
    return [
        Row(what="bots' requests that pass the gateway", unit="requests",
            formula="addresses · (1 + burst + rate · seconds)", expected=through, measured=n["limited_bots_through"]),
        Row(what="bots' requests that it refuses", unit="%", formula="1 - through / came",
            expected=100 * (1 - through / max(n["limited_bots_came"], 1)), measured=n["limited_bots_stopped"],
            question="refused"),
        Row(what="pieces that bots get with one card", unit="pieces", formula="checkouts a minute · pieces each",
            expected=PER_MIN * GRAB, measured=n["limited_bots_pieces"], question="pieces"),
        Row(what="one limit for all: searches that are served", unit="searches", formula="rate · seconds",
            expected=SEARCHES_PER_S * n["seconds"],
            measured=n["total_fans_searches_served"] + n["total_bots_searches_served"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Who is refused, who gets the item, what looking at it takes."""
    names = list(PHASES.values())

    def column(what: str) -> list[float]:
        return [n[f"{phase}_{what}"] for phase in PHASES]

    refused = {"fans": column("fans_refused"), "bots": column("bots_refused")}
    pieces = {"fans": column("fans_pieces"), "bots": column("bots_pieces")}
    return {
        "refused": plots.bars("Refused with 429", "% of their requests", names, refused),
        "pieces": plots.bars("Who has the rare item", "pieces", names, pieces),
        "looking": plots.bars(
            "What a fan waits to see the item", "p90 (ms, log scale)", names, {"fans": column("fans_look_p90_ms")},
            log=True,
        ),
    }  # fmt: skip


WHO = ("fans", "bots", "about half and half")
WHOSE = ("only the bots'", "both, in about the same share", "only the fans'")


def _who(n: Numbers) -> str:
    share = n["naive_bots_share"]
    return WHO[2] if 40 <= share <= 60 else WHO[1] if share > 60 else WHO[0]


def _whose(n: Numbers) -> str:
    fans, bots = n["total_fans_searches_refused"], n["total_bots_searches_refused"]
    return WHOSE[0] if fans < 5 else WHOSE[2] if bots < 5 else WHOSE[1]


LAB = Lab(
    slug="rate-limits",
    topic="resilience",
    title="Rate limits: bots against buyers",
    minutes=30,
    question="A rare item is on sale, and bots come as well. Which limit holds them back, and which one people?",
    goal="by what a limit can tell a bot from a person, where each limit belongs, how much it lets through, and "
    "why it has to fail open.",
    map="""\
fans       one address each    ──►┐ gateway           ┌─► catalog   searches of all together: any number or 10/s
                                  ├ for each address ─┤             (0.4 s each, 8 connections)
bots       4 addresses, 1 card ──►┘ 1/s, 5 at once    └─► orders    for each shopper, for each card: 3 a minute
           6 requests for each fan                                  counted in Memcached""",
    predictions=(
        Choice(id="who", text="No limit: who gets most of the pieces?", options=WHO, answer=_who),
        Choice(
            id="whose",
            text="One limit for all together, 10 searches a second; 33 come. Whose searches are refused?",
            options=WHOSE,
            answer=_whose,
        ),
        Number(
            id="refused",
            text=f"{len(BOT_ADDRESSES)} addresses send 9 requests a second each; each may send {PER_S} a second, and "
            f"{BURST} more at once. What percentage does the gateway refuse?",
            unit="%",
            low=0,
            high=100,
            measured="limited_bots_stopped",
            factor=1.25,
        ),
        Number(
            id="pieces",
            text=f"All bots pay with one card; {PER_MIN} checkouts a minute are let through for each card, each "
            f"for {GRAB} pieces. How many pieces do they get?",
            unit="pieces",
            low=0,
            high=1000,
            measured="limited_bots_pieces",
            factor=1.5,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=10, quick_seconds=3),
    load=FANS,
    prepare=(searching_is_dear,),
    method=(alone, naive, total, limited, blind),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=40),
)
