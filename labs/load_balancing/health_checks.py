"""A replica answers pings but has lost its database. Then all of them have. What should a health check ask?"""

from collections.abc import Mapping
from typing import Any

from labs import plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.load_balancing.health_checks_text import TEACHING
from labs.warming import warm

REPLICAS = 4
CUT_OFF = "inventory-3"
RATE = 24.0
DETECTED_S = 2.5
"""Control asks once a second and believes the second no, for which the replica takes a second."""
END_S = 2.0
PHASES = {
    "shallow": "shallow",
    "deep": "deep",
    "deep_for_all": "deep, all cut off",
    "floor": "deep with a floor, all cut off",
}
STOCK = LoadPlan(mix="stock", rate=RATE, seconds=12, quick_seconds=7, warm_up_s=0)
PRODUCTS = LoadPlan(mix="products", rate=RATE, seconds=12, quick_seconds=10, warm_up_s=0)
"""Long enough that all are found unfit, also on a slow machine, well before the last seconds are counted."""


def four_replicas(shop: Bench) -> None:
    """Scale inventory to four replicas. Every stock question needs the database; no cache helps."""
    shop.scale("inventory", REPLICAS)


def shallow(shop: Bench) -> None:
    """Ask only /livez, and cut one replica off from Postgres: it still answers pings."""
    shop.flag("gateway.health_checks", "shallow")
    shop.fault("down", f"{CUT_OFF}:postgres")
    shop.load("shallow", STOCK)


def deep(shop: Bench) -> None:
    """Turn one knob: ask /readyz, "can you do your business now?" The same load, the same replica cut off anew."""
    shop.heal()
    shop.flag("gateway.health_checks", "deep")
    shop.fault("down", f"{CUT_OFF}:postgres")
    shop.load("deep", STOCK)
    shop.heal()


def deep_for_all(shop: Bench) -> None:
    """Without a floor: cut every catalog replica off from Postgres, while Memcached has all that shoppers look at."""
    warm(shop.shop.url)
    shop.flag("gateway.health_floor", 0)
    with shop.loading("deep_for_all", PRODUCTS):
        shop.fault("down", "catalog:postgres")
    shop.heal()


def with_a_floor(shop: Bench) -> None:
    """With the floor at half: the same again. When all say no, nobody is taken out."""
    warm(shop.shop.url)
    shop.flag("gateway.health_floor", "default")
    with shop.loading("floor", PRODUCTS):
        shop.fault("down", "catalog:postgres")
        shop.note("floor_said_no", max(not_ready(shop, "catalog") for _ in range(2)))


def not_ready(shop: Bench, service: str) -> float:
    """Which share of a service's replicas says no when asked /readyz."""
    ready = [part["ready"] for part in shop.shop.status() if part["service"] == service]
    return ready.count(False) / len(ready)


def measure(seen: Seen) -> Numbers:
    """`_failed` is a share from 0 to 1 of a phase, `_at_the_end` that of its last seconds, `_said_no` of replicas."""
    numbers = dict(seen.facts)
    for phase in PHASES:
        load = seen[phase]
        numbers[f"{phase}_failed"] = _failed(load, 0.0)
        numbers[f"{phase}_failed_percent"] = 100 * numbers[f"{phase}_failed"]
        numbers[f"{phase}_at_the_end"] = _failed(load, load.duration_s - END_S)
        numbers[f"{phase}_at_the_end_percent"] = 100 * numbers[f"{phase}_at_the_end"]
        numbers[f"{phase}_cut_short"] = load.outcomes["reset"] + load.outcomes["refused"]
        numbers[f"{phase}_seconds"] = load.duration_s
    return numbers


def _failed(load: LoadResult, since_s: float) -> float:
    late = [sample for sample in load.samples if sample.intended_s >= since_s]
    return sum(sample.outcome != "ok" for sample in late) / max(len(late), 1)


def findings(n: Numbers) -> list[Finding]:
    """Shares inside one run; each claim names damage that only the fault can do."""
    damage = n["shallow_failed"] >= 0.15
    outage = n["deep_for_all_at_the_end"] >= 0.8
    return [
        Finding(
            claim="A shallow check keeps sending a quarter of the requests to a replica that can do nothing",
            holds=0.15 <= n["shallow_failed"] <= 0.35 and n["shallow_at_the_end"] >= 0.12,
            measured=f"{n['shallow_failed']:.0%} failed, in the last seconds {n['shallow_at_the_end']:.0%}",
            expected="15 to 35 %, and no less at the end",
        ),
        Finding(
            claim="A deep check takes that replica out within seconds, and drops no request in doing so",
            holds=damage and n["deep_at_the_end"] <= 0.02 and n["deep_cut_short"] == 0
            and 0 < n["deep_failed"] <= 0.75 * n["shallow_failed"],
            measured=f"{n['deep_failed']:.0%} failed, in the last seconds {n['deep_at_the_end']:.0%}; "
            f"{n['deep_cut_short']:.0f} connections were cut",
            expected="some at first, at most 2 % in the last seconds, at most 0.75 of shallow's in all, none cut",
        ),
        Finding(
            claim="When all replicas lose what they share, deep checks take the whole service out",
            holds=outage,
            measured=f"{n['deep_for_all_at_the_end']:.0%} of the last requests failed",
            expected="at least 80 %",
        ),
        Finding(
            claim="With a floor nobody is taken out then, and what is cached goes on being sold",
            holds=outage and n["floor_said_no"] == 1 and n["floor_failed"] <= 0.05,
            measured=f"{n['floor_said_no']:.0%} of the replicas said no, {n['floor_failed']:.0%} of the requests "
            f"failed, against {n['deep_for_all_at_the_end']:.0%}",
            expected="all say no, and at most 5 % fail, against 80 % or more without the floor",
        ),
    ]  # fmt: skip


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    fair = 100 / REPLICAS
    return [
        Row(what="shallow: requests that fail", unit="%", formula="1/n", expected=fair,
            measured=n["shallow_failed_percent"], question="shallow_failed"),
        Row(what="deep: requests that fail", unit="%", formula="1/n · time to notice / time",
            expected=fair * DETECTED_S / n["deep_seconds"], measured=n["deep_failed_percent"]),
        Row(what="deep: requests that fail at the end", unit="%", formula="0", expected=0,
            measured=n["deep_at_the_end_percent"]),
        Row(what="all cut off, no floor: requests that fail at the end", unit="%", formula="all are out", expected=100,
            measured=n["deep_for_all_at_the_end_percent"]),
        Row(what="all cut off, floor: requests that fail", unit="%", formula="1 - hit ratio", expected=0,
            measured=n["floor_failed_percent"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What failed in each phase, all of it and at the end."""
    shares = {
        "in all": [n[f"{phase}_failed_percent"] for phase in PHASES],
        "at the end": [n[f"{phase}_at_the_end_percent"] for phase in PHASES],
    }
    return {"shares": plots.bars("Requests that failed", "share of requests (%)", list(PHASES.values()), shares)}


LAB = Lab(
    slug="health-checks",
    topic="load_balancing",
    title="Health checks that mean something",
    minutes=25,
    question="A replica answers pings but cannot reach its database. Who notices, and what if all of them cannot?",
    goal="what shallow and deep checks see, how fast, and why a deep check of a shared dependency needs a floor.",
    map="""\
shoppers ──► gateway ──► inventory-1
   control asks each ──► inventory-2        Postgres
   /livez or /readyz ──► inventory-3 ──X──► (cut off)
                     ──► inventory-4""",
    predictions=(
        Number(
            id="shallow_failed",
            text="One of four replicas is cut off, checks ask /livez: which share of requests fails?",
            unit="%", low=0, high=100, measured="shallow_failed_percent", factor=1.35,
        ),
        Choice(
            id="deep_notices",
            text="Checks ask /readyz once a second: what do shoppers notice of the same fault?",
            options=("nothing", "some failures for a few seconds", "the same share of failures"),
            answer=lambda n: _noticed(n),
        ),
        Choice(
            id="deep_for_all",
            text="Every catalog replica loses its database, but Memcached has what shoppers want. With deep checks:",
            options=("products go on being shown", "nothing is shown any more"),
            answer=lambda n: "nothing is shown any more" if n["deep_for_all_at_the_end"] > 0.5
            else "products go on being shown",
        ),
        Choice(
            id="floor_failed",
            text="The same with a floor of 50 %: when fewer than half would be left, none is taken out. What fails?",
            options=("next to nothing", "about half of the requests", "everything"),
            answer=lambda n: _share_in_words(n["floor_failed"]),
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), probes.invariants()),
    steady_load=LoadPlan(mix="stock", rate=RATE, seconds=10, quick_seconds=3),
    load=STOCK,
    prepare=(four_replicas,),
    method=(shallow, deep, deep_for_all, with_a_floor),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=100, samples=72),
)  # fmt: skip


def _noticed(n: Numbers) -> str:
    if n["deep_failed"] == 0:
        return "nothing"
    return "some failures for a few seconds" if n["deep_at_the_end"] <= 0.02 else "the same share of failures"


def _share_in_words(share: float) -> str:
    if share <= 0.2:
        return "next to nothing"
    return "about half of the requests" if share <= 0.8 else "everything"
