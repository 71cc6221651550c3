"""Carts in a replica's memory: what affinity repairs, what it costs, and what a restart takes all the same."""

from collections.abc import Mapping
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, LoadPlan, Number, Numbers, Probe, Row, Seen, View
from labs.load_balancing.sticky_sessions_text import TEACHING
from labs.load_balancing.visitors import HOME_NETWORKS, HOMES, OFFICE, crowd, fill, wrong

REPLICAS = 2
VISITORS = 240
OFFICE_SHARE = 0.5
RESTARTED = f"cart-{1 + formulas.ip_hash_replica(OFFICE.format(1), REPLICAS)}"
"""The replica that nginx's ip_hash gives the office."""
VARIANTS = {
    "round_robin": "memory, round robin",
    "ip_hash": "memory, IP hash",
    "shared": "Memcached, round robin",
}
LOOKS = {"before": "at first", "after": "restarted"}


def round_robin(shop: Bench) -> None:
    """Keep a cart in the memory of the replica that is asked, and ask in turn. Fill carts, look, restart one, look."""
    shop.flag("cart.sessions", "local")
    shop.balance("cart", "round_robin")
    visit(shop, "round_robin")


def ip_hash(shop: Bench) -> None:
    """Turn one knob: IP hash, so that a visitor comes to the same replica every time. The same again."""
    shop.balance("cart", "ip_hash")
    visit(shop, "ip_hash")


def shared(shop: Bench) -> None:
    """Turn the other knob instead: carts outside of the replicas, in Memcached, and round robin. The same again."""
    shop.flag("cart.sessions", "shared")
    shop.balance("cart", "round_robin")
    visit(shop, "shared")


def visit(shop: Bench, variant: str) -> None:
    visitors = crowd(VISITORS)
    shop.note(f"{variant}_share", fill(shop.shop.url, visitors)[RESTARTED] / VISITORS)
    shop.note(f"{variant}_wrong_before", wrong(shop.shop.url, visitors))
    already = len(shop.faults)
    shop.fault("restart", RESTARTED)
    shop.note(f"{variant}_restarts", len(shop.faults) - already)
    shop.note(f"{variant}_wrong_after", wrong(shop.shop.url, visitors))


def measure(seen: Seen) -> Numbers:
    """`_wrong_` carts that were not as their visitors had left them; `_percent` of all visitors, or of all requests."""
    counts = {f"{v}_wrong_{look}": seen.facts[f"{v}_wrong_{look}"] for v in VARIANTS for look in LOOKS}
    percents = {f"{name}_percent": 100 * count / VISITORS for name, count in counts.items()}
    restarts = {f"{v}_restarts": seen.facts[f"{v}_restarts"] for v in VARIANTS}
    return counts | percents | restarts | {f"{v}_share_percent": 100 * seen.facts[f"{v}_share"] for v in VARIANTS}


def findings(n: Numbers) -> list[Finding]:
    """Counts inside one run. Without the restart no cart is lost that was there before, so that all of them fail."""
    return [
        Finding(
            claim="In memory under round robin half of the carts look empty, and after a restart three in four",
            holds=35 <= n["round_robin_wrong_before_percent"] <= 65
            and n["round_robin_wrong_after_percent"] >= max(65, n["round_robin_wrong_before_percent"] + 8),
            measured=f"{n['round_robin_wrong_before']:.0f} of {VISITORS} wrong, then "
            f"{n['round_robin_wrong_after']:.0f}",
            expected="35 to 65 % at first; then at least 65 %, and more than before",
        ),
        Finding(
            claim="IP hash makes every cart right, until the replica restarts: then its visitors' carts are gone",
            holds=n["ip_hash_wrong_before"] == 0
            and abs(n["ip_hash_wrong_after_percent"] - n["ip_hash_share_percent"]) <= 3
            and n["ip_hash_wrong_after"] > 0
            and n["ip_hash_restarts"] > 0,
            measured=f"{n['ip_hash_wrong_before']:.0f} wrong, then {n['ip_hash_wrong_after']:.0f} "
            f"({n['ip_hash_wrong_after_percent']:.0f} %); the replica had {n['ip_hash_share_percent']:.0f} % of all",
            expected="none wrong at first; after a restart as many as the replica had, within 3 points",
        ),
        Finding(
            claim="Affinity is uneven: with an office behind one network, one of two replicas has and loses most",
            holds=n["ip_hash_restarts"] > 0
            and n["ip_hash_share_percent"] >= 65
            and n["ip_hash_wrong_after_percent"] >= 65,
            measured=f"{n['ip_hash_share_percent']:.0f} % of visitors on one replica, "
            f"{n['ip_hash_wrong_after_percent']:.0f} % of carts lost by {n['ip_hash_restarts']:.0f} restart",
            expected="both at least 65 %, by one restart",
        ),
        Finding(
            claim="Carts outside of the replicas: the same restart loses none, and no affinity is needed",
            holds=n["shared_wrong_before"] == 0
            and n["shared_restarts"] > 0 == n["shared_wrong_after"]
            and n["ip_hash_wrong_after_percent"] >= 30,
            measured=f"{n['shared_wrong_after']:.0f} lost by {n['shared_restarts']:.0f} restart, "
            f"{n['ip_hash_wrong_after']:.0f} with affinity",
            expected="none lost, by one restart; with affinity at least 30 %",
        ),
    ]


def affinity_share() -> float:
    """The share of visitors that IP hash gives to the restarted replica, by arithmetic: the office and its homes."""
    homes = formulas.ip_hash_shares([HOMES.format(number) for number in range(HOME_NETWORKS)], REPLICAS)
    return OFFICE_SHARE + (1 - OFFICE_SHARE) * homes[int(RESTARTED[-1]) - 1]


def rows(n: Numbers) -> list[Row]:
    """Carts that are wrong, as shares of all visitors."""
    apart, gone, sticky = formulas.other_replica(REPLICAS), formulas.other_or_gone(REPLICAS), affinity_share()
    return [
        Row(what="memory, round robin: wrong", unit="%", formula="1 - 1/n", expected=100 * apart,
            measured=n["round_robin_wrong_before_percent"], question="round_robin_wrong"),
        Row(what="memory, round robin: wrong after a restart", unit="%", formula="1 - (n - 1)/n²",
            expected=100 * gone, measured=n["round_robin_wrong_after_percent"]),
        Row(what="memory, IP hash: wrong", unit="%", formula="0", expected=0.0,
            measured=n["ip_hash_wrong_before_percent"]),
        Row(what="memory, IP hash: visitors of one replica", unit="%", formula="office + homes hashed to it",
            expected=100 * sticky, measured=n["ip_hash_share_percent"]),
        Row(what="memory, IP hash: wrong after its restart", unit="%", formula="office + homes hashed to it",
            expected=100 * sticky, measured=n["ip_hash_wrong_after_percent"], question="ip_hash_lost"),
        Row(what="Memcached, round robin: wrong after a restart", unit="%", formula="0", expected=0.0,
            measured=n["shared_wrong_after_percent"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Whose carts were wrong, and who had the work."""
    names = list(VARIANTS.values())
    lost = {name: [n[f"{variant}_wrong_{look}_percent"] for variant in VARIANTS] for look, name in LOOKS.items()}
    had = [n[f"{variant}_share_percent"] for variant in VARIANTS]
    shares = {RESTARTED: had, "other": [100 - share for share in had]}
    return {
        "wrong": plots.bars(
            "Carts that were not as their visitors had left them", "share of visitors (%)", names, lost
        ),
        "share": plots.bars("Who filled the carts", "share of visitors (%)", names, shares),
    }


def carts_kept() -> Probe:
    """Whoever puts something into a cart finds it there."""
    return Probe(name="carts that came back wrong", measure=_wrong_carts, high=0)


def _wrong_carts(view: View) -> float:
    visitors = crowd(20)
    fill(view.shop.url, visitors)
    return float(wrong(view.shop.url, visitors))


LAB = Lab(
    slug="sticky-sessions",
    topic="load_balancing",
    title="Sticky sessions and stateless replicas",
    minutes=20,
    question="Carts live in a replica's memory. What does affinity repair, and what does a restart take all the same?",
    goal="why services keep no state, what session affinity buys and costs, and what a restart takes from whom.",
    map="""\
one office (half of all) ──┐             ┌──► cart-1     carts in its memory
                           ├──► gateway ─┤               | or in Memcached
forty homes (the rest) ────┘             └──► cart-2   ◄── one of them restarts""",
    predictions=(
        Number(
            id="round_robin_wrong",
            text="Carts in memory, round robin over two replicas: which share finds the cart wrong at the next look?",
            unit="%",
            low=0,
            high=100,
            measured="round_robin_wrong_before_percent",
            factor=1.3,
        ),
        Number(
            id="ip_hash_lost",
            text="IP hash, half of all visitors in one office, and the office's replica restarts: which share of all "
            "carts is lost?",
            unit="%",
            low=0,
            high=100,
            measured="ip_hash_wrong_after_percent",
            factor=1.2,
        ),
        Choice(
            id="shared_lost",
            text="Carts in Memcached, round robin, the same restart: how many carts are lost?",
            options=("none", "a few that were being written", "the replica's share"),
            answer=lambda n: _lost(n["shared_wrong_after_percent"]),
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), carts_kept(), probes.invariants()),
    steady_load=LoadPlan(mix="products", rate=40, seconds=10, quick_seconds=3),
    load=LoadPlan(mix="products", rate=40, seconds=10, quick_seconds=3),
    prepare=(),
    method=(round_robin, ip_hash, shared),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
)


def _lost(percent: float) -> str:
    return "none" if percent == 0 else "a few that were being written" if percent < 10 else "the replica's share"
