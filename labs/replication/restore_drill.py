"""A table is dropped in the middle of a day. What do a replica, a backup, and a backup with the log bring back?"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labs import plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.replication.restore_drill_text import TEACHING
from labs.shop import Shop

TABLE = "orders.orders"
RATE = 6.0
THERE = f"select to_regclass('{TABLE}') is not null as there"
VARIANTS = {"backup": "the backup alone", "log": "backup and log"}


def back_up(shop: Bench) -> None:
    """Take a base backup of the primary. From now on its log is archived, too."""
    taken = shop.shop.backup()
    shop.note("taking_s", taken["seconds"])
    shop.note("backup_mb", taken["mb"])


def drill(shop: Bench) -> None:
    """Sell, note every table's digest, drop one; go back with the backup alone, then with the log as well."""
    morning = shop.load("morning")
    moment, digests = stand_still(shop)
    shop.note("orders", len(morning.confirmed))
    dropped = time.time()
    drop(shop)
    for variant, to in (("backup", "latest"), ("log", moment)):
        report = shop.restore(to)
        shop.note(f"{variant}_s", report["seconds"])
        shop.note(f"{variant}_lost", len(morning.confirmed) - known(shop.shop, morning))
        restored = {each["table"]: each["digest"] for each in report["tables"]}
        shop.note(f"{variant}_differ", sum(restored.get(table) != digest for table, digest in digests.items()))
    shop.note("outage_s", time.time() - dropped)


def drop(shop: Bench) -> None:
    """Drop the table, see what is left of it on either server, and what buyers see."""
    nodes = {part["role"]: part["name"] for part in shop.shop.status() if part.get("role")}
    shop.fault("table_drop", nodes["primary"], table=TABLE)
    shop.load("dropped", LoadPlan(mix="checkout", rate=RATE, seconds=4, quick_seconds=2, warm_up_s=0))
    for role, node in nodes.items():
        shop.note(f"gone_from_{role}", not shop.shop.rows(THERE, node)[0]["there"])


def sell_again(shop: Bench) -> None:
    """Buyers come back. Everything adds up."""
    shop.load("restored", LoadPlan(mix="checkout", rate=RATE, seconds=10, quick_seconds=3, warm_up_s=0))
    shop.note("violated", len(shop.shop.check()))


def stand_still(shop: Bench) -> tuple[str, Mapping[str, str]]:
    """A moment in which nothing is written any more, and every table's digest then."""
    seen: dict[str, Any] = {}

    def still() -> bool:
        before, seen["at"] = shop.shop.digests(), datetime.now(UTC).isoformat()
        seen["digests"] = shop.shop.digests()
        return bool(before == seen["digests"])

    shop.shop.check()  # waits until every order is shipped
    shop.wait_until(still, "nothing is written any more")
    return seen["at"], seen["digests"]


def known(shop: Shop, load: LoadResult) -> int:
    """How many of them the shop knows."""
    query = f"select count(*) as orders from {TABLE} where order_id = any('{{{','.join(load.confirmed)}}}')"
    return int(shop.rows(query)[0]["orders"])


def measure(seen: Seen) -> Numbers:
    """Orders before the drop and lost after each restore; tables that differ; seconds."""
    n = dict(seen.facts)
    for phase in ("dropped", "restored"):
        n[f"{phase}_asked"], n[f"{phase}_ok"] = seen[phase].completed, seen[phase].outcomes["ok"]
    n["unsold"] = n["dropped_asked"] - n["dropped_ok"]
    n["lost_percent"] = 100 * n["backup_lost"] / max(n["orders"], 1)
    return n


def findings(n: Numbers) -> list[Finding]:
    """All of them begin with a table that is gone."""
    gone = n["gone_from_primary"] == 1
    return [
        Finding(
            claim="The replica is no backup: the table is gone there as well, and nothing can be bought",
            holds=gone and n["gone_from_replica"] == 1 and n["dropped_ok"] == 0 < n["unsold"],
            measured=f"gone from the primary: {gone}, from the replica: {n['gone_from_replica'] == 1}; "
            f"{n['dropped_ok']:.0f} of {n['dropped_asked']:.0f} buyers got an order",
            expected="gone from both; not one order",
        ),
        Finding(
            claim="A backup alone brings the table back, without anything that was ordered since",
            holds=gone and n["backup_lost"] == n["orders"] > 0,
            measured=f"{n['backup_lost']:.0f} of {n['orders']:.0f} confirmed orders lost",
            expected="all of them",
        ),
        Finding(
            claim="Backup and log bring back the second before the drop: every order, every row of every table",
            holds=gone and n["log_lost"] == 0 == n["log_differ"] and n["backup_differ"] > 0,
            measured=f"{n['log_lost']:.0f} orders lost, {n['log_differ']:.0f} tables differ from what they were "
            f"(with the backup alone: {n['backup_differ']:.0f})",
            expected="no order lost, no table differs; with the backup alone, some do",
        ),
        Finding(
            claim="Then the shop sells as before, and all its books agree",
            holds=gone and n["restored_ok"] >= 0.9 * n["restored_asked"] > 0 and n["violated"] == 0,
            measured=f"{n['restored_ok']:.0f} of {n['restored_asked']:.0f} buyers got an order; "
            f"{n['violated']:.0f} invariants violated",
            expected="at least 0.9 of them; none violated",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="orders lost with the backup alone", unit="orders", formula="all since the backup: λ · t",
            expected=n["orders"], measured=n["backup_lost"], question="lost"),
        Row(what="orders lost with backup and log", unit="orders", formula="those after the moment that is restored: 0",
            expected=0, measured=n["log_lost"]),
        Row(what="tables that differ with backup and log", unit="tables", formula="0", expected=0,
            measured=n["log_differ"]),
        Row(what="buyers refused while the table is gone", unit="buyers", formula="everybody: λ · t",
            expected=n["dropped_asked"], measured=n["unsold"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What is left of the orders; what the two ways back cost in time."""
    names = list(VARIANTS.values())
    orders = {
        "there": [n["orders"] - n[f"{variant}_lost"] for variant in VARIANTS],
        "lost": [n[f"{variant}_lost"] for variant in VARIANTS],
    }
    return {
        "orders": plots.bars("Orders that buyers were told are placed", "orders", names, orders),
        "seconds": plots.bars(
            "How long each way back took", "seconds", names, {"restore": [n[f"{v}_s"] for v in VARIANTS]}, digits=1
        ),
    }


REPLICA = ("yes: it still has the table", "no: the table is gone there, too")
LOG = ("none", "those of the last minute", "all since the backup")


def _replica_helps(n: Numbers) -> str:
    return REPLICA[1] if n["gone_from_replica"] else REPLICA[0]


def _lost_with_log(n: Numbers) -> str:
    return LOG[0] if n["log_lost"] == 0 else LOG[2] if n["log_lost"] == n["backup_lost"] else LOG[1]


LAB = Lab(
    slug="restore-drill",
    topic="replication",
    title="Restore drill",
    minutes=25,
    question="Somebody drops a table. What do a replica, a backup, and a backup with the log bring back, and how fast?",
    goal="what RPO and RTO promise, and what you get, in seconds and orders of your own; why a replica "
    "is no backup; and that a backup is worth what its last restore was.",
    map="""\
primary ══ log ══► replica                      drops what the primary drops, a moment later
   │  │
   │  └─ each full file of the log ─► archive     every commit since the backup, in order
   └──── base backup ───────────────► archive     all files, once
                                         └─► restore: backup + log, up to the moment before""",
    predictions=(
        Choice(
            id="replica",
            text="The table is dropped on the primary. Does the replica help?",
            options=REPLICA,
            answer=_replica_helps,
        ),
        Number(
            id="lost",
            text=f"A backup is taken, then {RATE:g} people a second order for 5 s (or 15), then the table is dropped. "
            "The backup is restored: how many orders are lost?",
            unit="orders",
            low=0,
            high=1000,
            measured="backup_lost",
            factor=1.4,
        ),
        Choice(
            id="log",
            text="The log that was archived since is replayed as well, up to the second before. How many are lost now?",
            options=LOG,
            answer=_lost_with_log,
        ),
        Number(
            id="seconds",
            text="How long does that take, until the shop can sell again?",
            unit="s",
            low=0,
            high=3600,
            measured="log_s",
            factor=2.0,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=8, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=15, quick_seconds=5, warm_up_s=0),
    prepare=(back_up,),
    method=(drill, sell_again),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=10),
)
