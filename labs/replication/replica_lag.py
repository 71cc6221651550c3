"""The replica is behind, and buyers look at their order. Who sees it, from when on, and how old is all the rest?"""

from collections.abc import Mapping
from statistics import median
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, LoadPlan, Number, Numbers, Row, Seen
from labs.replication.buyers import Look, buy_and_look, missed
from labs.replication.replica_lag_text import TEACHING
from labs.replication.servers import server
from labs.shop import Shop

LAG_S, WINDOW_S = 1.5, 3.0
PER_S = 10.0
BUYERS, QUICK_BUYERS = 150, 60
VARIANTS = {"well": "no protection, replica well", "naive": "no protection", "own": "reads its own writes"}
BEHIND = """
select case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
    else extract(epoch from now() - pg_last_xact_replay_timestamp()) end::float8 as seconds
"""
"""How old the replica's newest commit is; nothing when it has applied all that it received, however long ago."""


def replica_well(shop: Bench) -> None:
    """Have order pages read from the replica, while that is well. People buy, and look at their order."""
    shop.flag("orders.read_your_writes", False)
    people(shop, "well")


def replica_behind(shop: Bench) -> None:
    """Let the replica apply everything late. The same again."""
    shop.fault("replication_lag", server(shop.shop, "replica"), delay_s=LAG_S)
    people(shop, "naive")


def own_writes(shop: Bench) -> None:
    """Turn one knob: an order is read at the primary. The replica is as late as before."""
    shop.flag("orders.read_your_writes", True)
    people(shop, "own")
    shop.heal()


def people(shop: Bench, variant: str) -> None:
    """People buy; each looks at the order's page at once, and again within the window."""
    with shop.watching(f"{variant}_behind", behind_s, every_s=0.25):
        looks = buy_and_look(shop.shop.url, QUICK_BUYERS if shop.quick else BUYERS, PER_S, WINDOW_S)
    for when, seen in zip(("at_once", "later"), looks, strict=True):
        shop.note(f"{variant}_{when}", len(seen))
        shop.note(f"{variant}_{when}_missed", missed(seen))
    shop.note(f"{variant}_last_missed_s", last_missed_s(looks[1]))
    shop.note(f"{variant}_failed", sum(look.status not in (200, 404) for seen in looks for look in seen))


def behind_s(shop: Shop) -> float:
    """How old the newest thing is that the replica shows."""
    return float(shop.rows(BEHIND, server(shop, "replica"))[0]["seconds"])


def last_missed_s(looks: list[Look]) -> float:
    """How long after it was confirmed an order was still not there; 0 when none was missed."""
    return max((look.after_s for look in looks if look.status == 404), default=0.0)


def measure(seen: Seen) -> Numbers:
    """Looks and `_missed` ones (told "no such order"); `_behind_s` is the median of the replica's age."""
    n = dict(seen.facts)
    for variant in VARIANTS:
        n[f"{variant}_behind_s"] = median(seen.values(f"{variant}_behind") or [0.0])
        for when in ("at_once", "later"):
            n[f"{variant}_{when}_percent"] = 100 * n[f"{variant}_{when}_missed"] / n[f"{variant}_{when}"]
    n["lag_from_looks_s"] = WINDOW_S * n["naive_later_percent"] / 100
    return n


def findings(n: Numbers) -> list[Finding]:
    """While the replica is well, nobody misses anything, protected or not."""
    return [
        Finding(
            claim="Without protection, who looks at once is told that there is no such order; with a replica that is "
            "well, nobody notices that anything is missing",
            holds=n["naive_at_once_percent"] >= 80
            and n["well_at_once_percent"] <= 20
            and n["naive_behind_s"] >= 0.7 * LAG_S,
            measured=f"{n['naive_at_once_missed']:.0f} of {n['naive_at_once']:.0f}; "
            f"{n['well_at_once_missed']:.0f} of {n['well_at_once']:.0f} while it is well; then it was "
            f"{n['naive_behind_s']:.2f} s behind",
            expected="at least 80 %; at most 20 %; at least 0.7 of the lag behind",
        ),
        Finding(
            claim="An order is missing for exactly as long as the replica is behind",
            holds=0.7 * LAG_S <= n["lag_from_looks_s"] <= 1.4 * LAG_S
            and 0.7 * LAG_S <= n["naive_last_missed_s"] <= 1.4 * LAG_S,
            measured=f"{n['naive_later_percent']:.0f} % of looks within {WINDOW_S:g} s, so "
            f"{n['lag_from_looks_s']:.2f} s; the last one after {n['naive_last_missed_s']:.2f} s",
            expected=f"{LAG_S:g} s were set; 0.7 to 1.4 of it",
        ),
        Finding(
            claim="Who reads at the primary what they wrote sees it, however far the replica is behind",
            holds=n["own_at_once_missed"] + n["own_later_missed"] == 0 and n["own_behind_s"] >= 0.7 * LAG_S,
            measured=f"{n['own_at_once_missed'] + n['own_later_missed']:.0f} of {2 * n['own_at_once']:.0f} looks, "
            f"replica {n['own_behind_s']:.2f} s behind",
            expected="none, with a replica at least 0.7 of the lag behind",
        ),
        Finding(
            claim="The cure repairs nothing: the replica, and whatever is read there, is as old as before",
            holds=all(0.7 * LAG_S <= n[f"{variant}_behind_s"] <= 1.4 * LAG_S for variant in ("naive", "own"))
            and n["naive_failed"] + n["own_failed"] == 0,
            measured=f"{n['naive_behind_s']:.2f} and {n['own_behind_s']:.2f} s old, {n['well_behind_s']:.2f} s before; "
            f"{n['naive_failed'] + n['own_failed']:.0f} pages failed",
            expected=f"0.7 to 1.4 of {LAG_S:g} s, no page failed",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    late = 100 * formulas.stale_share(LAG_S, WINDOW_S)
    return [
        Row(what="no protection, at once: missed", unit="%",
            formula="all, if the lag is longer than the way to the first look", expected=100,
            measured=n["naive_at_once_percent"], question="at_once"),
        Row(what=f"no protection, within {WINDOW_S:g} s: missed", unit="%", formula="lag / window", expected=late,
            measured=n["naive_later_percent"], question="later"),
        Row(what="the latest look that missed", unit="s", formula="lag", expected=LAG_S,
            measured=n["naive_last_missed_s"]),
        Row(what="age of what the replica shows", unit="s", formula="lag", expected=LAG_S,
            measured=n["naive_behind_s"]),
        Row(what="reads its own writes: missed", unit="looks", formula="0", expected=0,
            measured=n["own_at_once_missed"] + n["own_later_missed"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Who was told "no such order"; how far the replica was behind meanwhile."""
    told = {
        "at once": [n[f"{variant}_at_once_percent"] for variant in VARIANTS],
        f"within {WINDOW_S:g} s": [n[f"{variant}_later_percent"] for variant in VARIANTS],
    }
    ages = {name: _from_zero(seen.series.get(f"{variant}_behind", ())) for variant, name in VARIANTS.items()}
    return {
        "missed": plots.bars("Buyers who were told: no such order", "% of looks", list(VARIANTS.values()), told),
        "behind": plots.curves("How old the newest thing on the replica was", "s", ages),
    }


def _from_zero(points: Any) -> list[tuple[float, float]]:
    return [(at - points[0][0], value) for at, value in points]


HIDES = ("nearly none", "about half", "nearly all")
SEES = ("none", "only who looks at once", "as many as before")


def _hides(n: Numbers) -> str:
    percent = n["well_at_once_percent"]
    return HIDES[0] if percent <= 20 else HIDES[1] if percent < 80 else HIDES[2]


def _sees(n: Numbers) -> str:
    if n["own_at_once_missed"] + n["own_later_missed"] == 0:
        return SEES[0]
    return SEES[1] if n["own_later_missed"] == 0 else SEES[2]


LAB = Lab(
    slug="replica-lag",
    topic="replication",
    title="Replica lag, and reading your own writes",
    minutes=25,
    question="The replica is behind, and buyers look at what they have just ordered. Who is told it does not exist?",
    goal="why a read replica breaks a promise that nobody wrote down, for how long, and which reads must not go there.",
    map="""\
buy  ─► orders ──► primary ───► replica   ◄── applies everything 1.5 s late
                      ▲            ▲
look ─► orders ───────┴─ own? ─────┘      the catalogue, best sellers: always the replica""",
    predictions=(
        Number(
            id="at_once",
            text=f"The replica is {LAG_S:g} s behind. Of those who look at once, how many are told: no such order?",
            unit="%",
            low=0,
            high=100,
            measured="naive_at_once_percent",
            factor=1.2,
        ),
        Number(
            id="later",
            text=f"And of those who look at any moment within {WINDOW_S:g} s after they bought?",
            unit="%",
            low=0,
            high=100,
            measured="naive_later_percent",
            factor=1.3,
        ),
        Choice(
            id="well",
            text="While the replica is well, how many of those who look at once are told so?",
            options=HIDES,
            answer=_hides,
        ),
        Choice(
            id="own",
            text="Orders are read at the primary, the replica is as late as before. Who is still told so?",
            options=SEES,
            answer=_sees,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    prepare=(),
    method=(replica_well, replica_behind, own_writes),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
)
