"""One of three cache nodes is lost, then comes back empty. How much has to be loaded anew, by which placement?"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from labs import formulas, plots, probes
from labs.caching.cache_node_loss_text import TEACHING
from labs.caching.counting import NODES, PRODUCTS, counts, flush
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.shop import Shop

LOST = "memcached-2"
PAGE = 24
KEYS = PRODUCTS + math.ceil(PRODUCTS / PAGE)
"""What is cached: every product, and the pages of the list, from which the generator learns the products."""
WALK_S = 2.5
RATE = PRODUCTS / WALK_S
PLACEMENTS = {"modulo": "hash modulo n", "rendezvous": "rendezvous hashing"}
PHASES = {"lost": "the node is lost", "returned": "it is back, empty"}


def patient_catalog(shop: Bench) -> None:
    """Let the catalog wait a second for a cache node, so that none seems lost because this machine is busy."""
    shop.flag("catalog.cache_wait_ms", 1000)


def hash_modulo(shop: Bench) -> None:
    """Place keys by their hash modulo the number of living nodes. Warm up, lose a node, get it back empty."""
    lose_and_regain(shop, "modulo")


def rendezvous(shop: Bench) -> None:
    """Turn one knob, rendezvous hashing: each key has an order of nodes of its own. The same again."""
    lose_and_regain(shop, "rendezvous")


def lose_and_regain(shop: Bench, placement: str) -> None:
    shop.flag("catalog.placement", placement)
    flush(shop)
    with shop.watching(f"{placement}_loads", loads, every_s=0.25):
        shop.load(f"{placement}_warming")
        shop.fault("process_kill", LOST)
        counted(shop, f"{placement}_lost")
        shop.heal()
        shop.wait_until(lambda: all_nodes_in_use(shop), "every catalog replica asks all three nodes again")
        counted(shop, f"{placement}_returned")


def counted(shop: Bench, phase: str) -> None:
    """One walk along the shelf, and how often the database was asked meanwhile."""
    before = loads(shop.shop)
    shop.load(phase)
    shop.note(f"{phase}_loads", loads(shop.shop) - before)


def loads(shop: Shop) -> float:
    return counts(shop).loads


def all_nodes_in_use(shop: Bench) -> bool:
    """A replica leaves a node that failed alone for 3 s, and finds out for itself that it is back."""
    in_use = shop.shop.metrics("catalog")['shop_cache_nodes_in_use{cache="catalog"}']
    return in_use == len(NODES) * shop.replicas("catalog")


def measure(seen: Seen) -> Numbers:
    """Loads are counted; `_share` from 0 to 1 of all that is cached; `_per_s` loads of the database per second."""
    numbers: dict[str, float] = {}
    for phase in (f"{placement}_{when}" for placement in PLACEMENTS for when in PHASES):
        count = seen.facts[f"{phase}_loads"]
        share = count / KEYS
        numbers |= {f"{phase}_loads": count, f"{phase}_share": share, f"{phase}_percent": 100 * share}
        numbers |= {f"{phase}_per_s": RATE * share}
    return numbers


def findings(n: Numbers) -> list[Finding]:
    """Counts inside one run. Without the loss nothing is loaded twice, so that every one of them fails: each asks for
    the large loss that hash modulo n makes of it.
    """
    lost = n["modulo_lost_share"] >= 0.55
    return [
        Finding(
            claim="Hash modulo n: one node of three is lost, and more than half of everything must be loaded anew",
            holds=lost and n["modulo_lost_share"] <= 0.80,
            measured=f"{n['modulo_lost_loads']:.0f} of {KEYS} ({n['modulo_lost_share']:.0%})",
            expected="1 - 1/n = 67 %; accepted: 55 to 80 %",
        ),
        Finding(
            claim="Rendezvous hashing loses only what was on the lost node, a third",
            holds=lost and 0.22 <= n["rendezvous_lost_share"] <= 0.46,
            measured=f"{n['rendezvous_lost_loads']:.0f} of {KEYS} ({n['rendezvous_lost_share']:.0%})",
            expected="1/n = 33 %; accepted: 22 to 46 %, where modulo lost 55 % or more",
        ),
        Finding(
            claim="So the database is asked about twice as much right after the loss, because of a formula",
            holds=lost and n["modulo_lost_loads"] >= 1.5 * max(n["rendezvous_lost_loads"], KEYS / 10),
            measured=f"{n['modulo_lost_per_s']:.0f} against {n['rendezvous_lost_per_s']:.0f} loads/s at "
            f"{RATE:.0f} requests/s",
            expected="n - 1 = 2 times as much; accepted: 1.5 times or more, and modulo lost 55 % or more",
        ),
        Finding(
            claim="The node that returns is empty: it costs a third once more, by either placement",
            holds=lost and all(0.22 <= n[f"{placement}_returned_share"] <= 0.46 for placement in PLACEMENTS),
            measured=" and ".join(f"{n[f'{p}_returned_share']:.0%} ({name})" for p, name in PLACEMENTS.items()),
            expected="1/n = 33 %; accepted: 22 to 46 %, after modulo lost 55 % or more",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Shares of all that is cached, and what that is for the database."""
    lost = {
        "modulo": ("1 - 1/n", formulas.reloaded_by_modulo(len(NODES))),
        "rendezvous": ("1/n", formulas.reloaded_by_rendezvous(len(NODES))),
    }
    found = []
    for placement, name in PLACEMENTS.items():
        formula, share = lost[placement]
        found += [
            Row(what=f"{name}: loaded anew after the loss", unit="%", formula=formula, expected=100 * share,
                measured=n[f"{placement}_lost_percent"], question=f"{placement}_lost"),
            Row(what=f"{name}: asked of the database then", unit="loads/s", formula=f"λ · ({formula})",
                expected=RATE * share, measured=n[f"{placement}_lost_per_s"]),
            Row(what=f"{name}: loaded anew when the node is back", unit="%", formula="1/n", expected=100 / len(NODES),
                measured=n[f"{placement}_returned_percent"]),
        ]  # fmt: skip
    return found


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """How much was loaded anew, and when."""
    shares = {name: [n[f"{p}_{when}_percent"] for when in PHASES] for p, name in PLACEMENTS.items()}
    course = {name: from_zero(seen.series[f"{p}_loads"]) for p, name in PLACEMENTS.items()}
    return {
        "reloaded": plots.bars("Loaded anew", "share of all that is cached (%)", list(PHASES.values()), shares),
        "loads": plots.curves("Warm-up, loss, return: loads of the database, added up", "loads", course),
    }


def from_zero(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Seconds and loads since the first point, so that both placements begin in the same corner."""
    (begin, first), *_ = points
    return [(at - begin, value - first) for at, value in points]


def _reloaded(share: float) -> str:
    return "nothing" if share < 0.15 else "a third" if share < 0.5 else "two thirds"


LAB = Lab(
    slug="cache-node-loss",
    topic="caching",
    title="Losing a cache node",
    minutes=20,
    question="One of three cache nodes is lost. How much must be loaded anew, by hash modulo n or rendezvous hashing?",
    goal="what a lost cache node costs the database, why the placement of keys decides it, and the formula for n.",
    map="""\
catalog ── hash(key) mod n | rendezvous ──┬──► memcached-1
   │                                      ├──► memcached-2   ◄── is lost, comes back empty
   │                                      └──► memcached-3
   └── what is not there ──► Postgres""",
    predictions=(
        Number(
            id="modulo_lost",
            text="Hash modulo n, one node of three is lost: which share of all keys must be loaded anew?",
            unit="%",
            low=0,
            high=100,
            measured="modulo_lost_percent",
            factor=1.25,
        ),
        Number(
            id="rendezvous_lost",
            text="Rendezvous hashing, the same loss: which share?",
            unit="%",
            low=0,
            high=100,
            measured="rendezvous_lost_percent",
            factor=1.35,
        ),
        Choice(
            id="modulo_returned",
            text="Hash modulo n, and a few seconds later the node is back, empty: what must be loaded anew now?",
            options=("nothing", "a third", "two thirds"),
            answer=lambda n: _reloaded(n["modulo_returned_share"]),
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), probes.invariants()),
    steady_load=LoadPlan(mix="shelf", rate=RATE, seconds=10, quick_seconds=WALK_S),
    load=LoadPlan(mix="shelf", rate=RATE, seconds=WALK_S, quick_seconds=WALK_S, warm_up_s=0),
    prepare=(patient_catalog,),
    method=(hash_modulo, rendezvous),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=PRODUCTS, generator_lag_p99_ms=500),
)
