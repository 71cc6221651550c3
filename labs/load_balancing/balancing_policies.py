"""One of four catalog replicas is slow. Which policy of the gateway notices?"""

from collections.abc import Mapping
from statistics import median
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load import LoadResult
from labs.load.sample import Sample
from labs.load_balancing.balancing_policies_text import TEACHING

REPLICAS = 4
SLOW = "catalog-3"
DELAY_S = 0.3
DELAY_MS = DELAY_S * 1000
RATE = 70.0
POLICIES = {"round_robin": "round robin", "least_conn": "least connections", "ip_hash": "IP hash"}


def four_replicas(shop: Bench) -> None:
    """Scale the catalog to four replicas."""
    shop.scale("catalog", REPLICAS)


def one_of_them_slow(shop: Bench) -> None:
    """Make one replica answer 0.3 s late; it stays healthy in every other way."""
    shop.fault("http_delay", SLOW, fixedDelay=DELAY_S)


def round_robin(shop: Bench) -> None:
    """Balance by round robin: everyone in turn."""
    shop.balance("catalog", "round_robin")
    shop.load("round_robin")


def least_connections(shop: Bench) -> None:
    """Turn one knob, least connections: whoever has the fewest requests under way. The same load again."""
    shop.balance("catalog", "least_conn")
    shop.load("least_conn")


def ip_hash(shop: Bench) -> None:
    """Balance by IP hash: every network keeps its replica. The same load again."""
    shop.balance("catalog", "ip_hash")
    shop.load("ip_hash")


def measure(seen: Seen) -> Numbers:
    """Shares from 0 to 1; `_ms` milliseconds; `_wait_s` is the waiting of all shoppers added up, in seconds."""
    numbers = {"normal_ms": seen["steady_before"].latency.percentile(50)}
    for policy in POLICIES:
        numbers |= {f"{policy}_{name}": value for name, value in _policy(seen[policy]).items()}
    return numbers | _networks(seen["ip_hash"], "ip_hash") | _networks(seen["round_robin"], "round_robin")


def _policy(load: LoadResult) -> dict[str, float]:
    answered = [sample for sample in load.waited_for if sample.replica]
    slow = [sample for sample in answered if sample.replica == SLOW]
    share = len(slow) / max(len(answered), 1)
    wait_s = sum(sample.latency_ms or 0.0 for sample in load.waited_for) / 1000
    percentiles = {f"p{percent}_ms": load.latency.percentile(percent) for percent in (50, 90, 99)}
    return percentiles | {
        "share": share,
        "share_percent": share * 100,
        "slow_p50_ms": _median_ms([slow]),
        "wait_s": wait_s,
        "requests": load.started,
    }


def _networks(load: LoadResult, policy: str) -> dict[str, float]:
    """Shoppers by their /24 network: who met the slow replica, and what waiting was normal for them."""
    networks: dict[str, list[Sample]] = {}
    for sample in load.waited_for:
        networks.setdefault(sample.client.rsplit(".", 1)[0], []).append(sample)
    hit = [samples for samples in networks.values() if any(sample.replica == SLOW for sample in samples)]
    spared = [samples for samples in networks.values() if samples not in hit]
    faithful = sum(len({sample.replica for sample in samples}) == 1 for samples in networks.values())
    return {
        f"{policy}_networks_hit": len(hit) / max(len(networks), 1),
        f"{policy}_networks_faithful": faithful / max(len(networks), 1),
        f"{policy}_hit_p50_ms": _median_ms(hit),
        f"{policy}_spared_p50_ms": _median_ms(spared),
    }


def _median_ms(networks: list[list[Sample]]) -> float:
    times = [sample.latency_ms for samples in networks for sample in samples if sample.latency_ms is not None]
    return median(times) if times else 0.0


def findings(n: Numbers) -> list[Finding]:
    """Ratios inside one run, each with an effect that only the delay can have: noise makes or breaks none of them. That
    the replica was slow, round robin shows, which goes on asking it.
    """
    slow = n["round_robin_slow_p50_ms"] >= DELAY_MS
    return [
        Finding(
            claim="Round robin keeps sending the slow replica its quarter: p50 stays, p90 and p99 are the slow one's",
            holds=slow
            and 0.2 <= n["round_robin_share"] <= 0.3
            and n["round_robin_p90_ms"] >= max(DELAY_MS, 2 * n["round_robin_p50_ms"]),
            measured=f"{n['round_robin_share']:.1%} of requests; p50 {n['round_robin_p50_ms']:.0f}, "
            f"p90 {n['round_robin_p90_ms']:.0f}, p99 {n['round_robin_p99_ms']:.0f} ms, "
            f"the slow replica's own p50 {n['round_robin_slow_p50_ms']:.0f} ms",
            expected=f"20 to 30 %; p90 at least {DELAY_MS:.0f} ms and twice p50, the slow one's p50 {DELAY_MS:.0f} ms "
            "or more",
        ),
        Finding(
            claim="Least connections sends the slow replica at most half of what round robin does",
            holds=slow and n["least_conn_share"] <= 0.5 * n["round_robin_share"],
            measured=f"{n['least_conn_share']:.1%} against {n['round_robin_share']:.1%}",
            expected=f"at most half, of a replica whose own p50 is {DELAY_MS:.0f} ms or more in round robin",
        ),
        Finding(
            claim="Least connections makes p90 quick again and saves a third of all waiting or more",
            holds=slow
            and n["round_robin_p90_ms"] >= DELAY_MS
            and n["least_conn_p90_ms"] <= 0.5 * n["round_robin_p90_ms"]
            and n["least_conn_wait_s"] <= 0.67 * n["round_robin_wait_s"],
            measured=f"p90 {n['least_conn_p90_ms']:.0f} against {n['round_robin_p90_ms']:.0f} ms; "
            f"waiting {n['least_conn_wait_s']:.1f} against {n['round_robin_wait_s']:.1f} s",
            expected=f"round robin's p90 at least {DELAY_MS:.0f} ms, least connections' at most half of it; "
            "waiting at most 0.67; the slow one is slow in round robin",
        ),
        Finding(
            claim="IP hash ties every network to one replica: the same shoppers wait every time, the others never",
            holds=slow
            and n["ip_hash_networks_faithful"] >= 0.95
            and n["ip_hash_hit_p50_ms"] >= max(DELAY_MS, 2 * n["ip_hash_spared_p50_ms"]),
            measured=f"{n['ip_hash_networks_faithful']:.0%} of networks met one replica only; p50 of the unlucky "
            f"{n['ip_hash_hit_p50_ms']:.0f} ms, of the others {n['ip_hash_spared_p50_ms']:.0f} ms",
            expected=f"95 % or more; the unlucky at least {DELAY_MS:.0f} ms and twice the others; the slow one is "
            "slow in round robin, too",
        ),
    ]


def expected_shares() -> dict[str, float]:
    """The slow replica's share under each policy, by arithmetic alone."""
    return {
        "round_robin": formulas.round_robin_share(REPLICAS),
        "least_conn": formulas.least_conn_share(RATE, DELAY_S, REPLICAS),
        "ip_hash": formulas.ip_hash_shares([f"10.77.{octet}.1" for octet in range(40)], REPLICAS)[2],
    }


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement, policy by policy. What is normal comes from the steady state before the fault."""
    return [row for policy, share in expected_shares().items() for row in _rows(n, policy, share)]


def _rows(n: Numbers, policy: str, share: float) -> list[Row]:
    normal, slow = n["normal_ms"], n["normal_ms"] + DELAY_MS
    name, requests = POLICIES[policy], int(n[f"{policy}_requests"])
    wait = formulas.total_wait(requests, normal / 1000, share, DELAY_S)
    share_formula = {"round_robin": "1/n", "least_conn": "1/(λd + n)", "ip_hash": "networks hashed to it / networks"}
    asked = {"round_robin": "round_robin_share", "least_conn": "least_conn_share"}.get(policy)
    return [
        Row(what=f"{name}: share of the slow replica", unit="%", formula=share_formula[policy], expected=100 * share,
            measured=n[f"{policy}_share_percent"], question=asked),
        *(
            Row(what=f"{name}: p{percent}", unit="ms", measured=n[f"{policy}_p{percent}_ms"],
                formula=f"normal + d if share > {100 - percent} %, else normal",
                expected=formulas.percentile_of_two(share, normal, slow, percent / 100))
            for percent in (50, 90, 99)
        ),
        Row(what=f"{name}: all waiting added up", unit="s", formula="N · (normal + share · d)", expected=wait,
            measured=n[f"{policy}_wait_s"]),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """Who got the requests, and what shoppers waited."""
    names = list(POLICIES.values())
    replicas = [f"catalog-{number + 1}" for number in range(REPLICAS)]
    shares = {_short(replica): [_share(seen[policy], replica) for policy in POLICIES] for replica in replicas}
    waits = {f"p{percent}": [n[f"{policy}_p{percent}_ms"] for policy in POLICIES] for percent in (50, 90, 99)}
    waiting = [row for row in rows(n) if row.unit == "s"]
    total = {"arithmetic": [row.expected for row in waiting], "measured": [row.measured for row in waiting]}
    return {
        "share": plots.bars("Which catalog replica got the requests", "share of requests (%)", names, shares),
        "latency": plots.bars("What shoppers waited", "latency (ms, log scale)", names, waits, log=True),
        "waiting": plots.bars("All waiting added up", "seconds", names, total, digits=1),
    }


def _short(replica: str) -> str:
    return replica.removeprefix("catalog-") + (" (slow)" if replica == SLOW else "")


def _share(load: LoadResult, replica: str) -> float:
    answered = [sample.replica for sample in load.waited_for if sample.replica]
    return 100 * answered.count(replica) / max(len(answered), 1)


def _rise(by_ms: float) -> str:
    if by_ms >= 0.5 * DELAY_MS:
        return "it rises by the whole delay"
    return "it rises by a quarter of the delay" if by_ms >= 0.2 * DELAY_MS else "it stays"


LAB = Lab(
    slug="balancing-policies",
    topic="load_balancing",
    title="Balancing policies and the slow replica",
    minutes=25,
    question="One of four replicas becomes slow but not sick. What do shoppers notice under each balancing policy?",
    goal="which policy notices a slow replica, what it costs not to notice, and which percentile shows it, by formula.",
    map="""\
shoppers ──► gateway (round robin | least connections | IP hash)
                ├──► catalog-1
                ├──► catalog-2
                ├──► catalog-3   ◄── answers 0.3 s late
                └──► catalog-4""",
    predictions=(
        Number(
            id="round_robin_share",
            text="Round robin: which share of requests does the slow replica get?",
            unit="%",
            low=0,
            high=100,
            measured="round_robin_share_percent",
            factor=1.25,
        ),
        Choice(
            id="round_robin_p50",
            text="Round robin: what happens to the median (p50)?",
            options=("it stays", "it rises by a quarter of the delay", "it rises by the whole delay"),
            answer=lambda n: _rise(n["round_robin_p50_ms"] - n["normal_ms"]),
        ),
        Number(
            id="least_conn_share",
            text=f"Least connections, {RATE:g} requests/s, 0.3 s late: which share does the slow replica still get?",
            unit="%",
            low=0,
            high=100,
            measured="least_conn_share_percent",
            factor=2.0,
        ),
        Choice(
            id="least_conn_p99",
            text="Least connections: is p99 back to normal?",
            options=("yes", "no, it is still the slow replica's"),
            answer=lambda n: "yes" if n["least_conn_p99_ms"] < DELAY_MS else "no, it is still the slow replica's",
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), probes.invariants()),
    steady_load=LoadPlan(mix="products", rate=RATE, seconds=10, quick_seconds=3),
    load=LoadPlan(mix="products", rate=RATE, seconds=20, quick_seconds=7),
    prepare=(four_replicas,),
    method=(one_of_them_slow, round_robin, least_connections, ip_hash),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=DELAY_MS / 4),
)
