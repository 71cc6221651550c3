"""An extra works, but costs too much. How soon is it gone from every replica, without a deployment?"""

import time
from collections.abc import Mapping
from statistics import median
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load.sample import Sample
from labs.resilience.kill_switch_text import TEACHING
from labs.shop import Shop

DELAY_S = 0.12
"""Below the 0.15 s that the storefront waits for an extra: it succeeds, so no timeout and no breaker sees anything."""
RATE, EXTRAS = 40.0, 0.4
PROMISED_S = 1.5
"""A second, and half a one for writing the flag and for whoever was under way."""
ON_S, OFF_S = 4.0, 4.0
UNDER_WAY = 'shop_peer_calls_under_way{peer="recommendations"}'
DEGRADED = 'shop_degraded_total{what="recommendations"}'
MOST = 0.8
"""So many of the fragments are costly when recommendations are: a busy machine makes only some of them late."""
FEW = 0.5
"""Of the costly fragments so many may be given up: a busy machine makes some answers later than 0.15 s. Were extras too
slow, it would be all of them, and the page would come all the same."""


def costly(shop: Bench) -> None:
    """Make recommendations slow, though not so slow that anybody gives up on them."""
    shop.fault("http_delay", "recommendations-1", fixedDelay=DELAY_S)


def kill_and_return(shop: Bench) -> None:
    """Under one load: let the extras cost what they cost, kill them, heal them, let them come back."""
    before = given_up(shop.shop)
    with shop.loading("load"), shop.watching("threads", waiting_threads, every_s=0.2):
        shop.wait_till(time.time() + ON_S, "people saw what the extras cost")
        shop.note("given_up", given_up(shop.shop) - before)
        switch(shop, "killed", False)
        shop.wait_till(time.time() + OFF_S, "people saw pages without extras")
        shop.heal()
        switch(shop, "back", True)


def switch(shop: Bench, name: str, extras: bool) -> None:
    """Turn the knob, and note when the operator pressed the key: seconds since 1970."""
    at = time.time()
    shop.flag("storefront.extras", extras)
    shop.note(f"{name}_at", at)


def waiting_threads(shop: Shop) -> float:
    """How many threads of the storefront wait for recommendations at this moment."""
    return shop.metrics("storefront").get(UNDER_WAY, 0.0)


def given_up(shop: Shop) -> float:
    """How many fragments came without extras, because recommendations failed or were too late, so far."""
    return shop.metrics("storefront").get(DEGRADED, 0.0)


def measure(seen: Seen) -> Numbers:
    """`_ms`: medians of the fragment; `obeyed_s`: see there; threads: means. `given_up` counts until the switch."""
    load, facts = seen["load"], seen.facts
    killed, back = (facts[f"{name}_at"] - load.started_at for name in ("killed", "back"))
    extras = [sample for sample in load.waited_for if sample.what == "extras" and sample.latency_ms is not None]
    costly = [sample for sample in extras if _costly(sample)]
    on, off = _between(extras, 0, killed), _between(extras, killed + PROMISED_S, back)
    return {
        "on_ms": _median_ms(on),
        "off_ms": _median_ms(off),
        "asked": len(on),
        "costly": len(_between(costly, 0, killed)),
        "costly_after": len(_between(costly, killed + PROMISED_S, back)),
        "obeyed_s": obeyed_s(_between(extras, killed, back), killed, back),
        "replicas": len({sample.replica for sample in off if sample.replica}),
        "on_threads": seen.mean("threads", "load", 1.0, killed),
        "off_threads": seen.mean("threads", "load", killed + PROMISED_S, back),
        "given_up": facts["given_up"],
        "failed": sum(sample.outcome != "ok" for sample in load.waited_for),
        "requests": load.started,
    }


def obeyed_s(extras: list[Sample], killed: float, back: float) -> float:
    """From the switch until each replica has been asked for a first fragment that came without extras: the last one's.
    Until they are switched on again when there is none.
    """
    cheap = [sample for sample in extras if sample.outcome == "ok" and not _costly(sample)]
    replicas = {sample.replica for sample in cheap}
    first = [min(sample.intended_s for sample in cheap if sample.replica == replica) for replica in replicas]
    return max(first, default=back) - killed


def _costly(sample: Sample) -> bool:
    return (sample.from_send_ms or 0.0) >= 900 * DELAY_S


def _between(samples: list[Sample], since_s: float, until_s: float) -> list[Sample]:
    return [sample for sample in samples if since_s <= sample.intended_s < until_s]


def _median_ms(samples: list[Sample]) -> float:
    return median([sample.latency_ms or 0.0 for sample in samples] or [0.0])


def findings(n: Numbers) -> list[Finding]:
    """Each needs an extra that costs something."""
    costly = f"at least {100 * MOST:.0f} % of the fragments, and 20, costly"
    return [
        Finding(
            claim="The extras hold threads of the storefront, and nothing calls it a failure",
            holds=n["on_threads"] >= 0.5 * expected_threads() and unnoticed(n),
            measured=f"{n['on_threads']:.1f} threads on the mean, {n['on_ms']:.0f} ms a fragment, {n['costly']:.0f} of "
            f"{n['asked']:.0f} costly; {n['given_up']:.0f} were given up, {n['failed']:.0f} of {n['requests']:.0f} "
            "requests failed",
            expected=f"at least {0.5 * expected_threads():.1f} threads; {costly}; at most {100 * FEW:.0f} % given "
            "up, no failure",
        ),
        Finding(
            claim="The kill switch reaches every replica within about a second, without a restart",
            holds=dear(n) and n["obeyed_s"] <= PROMISED_S and n["costly_after"] == 0 and n["replicas"] >= 2,
            measured=f"the last replica's first fragment without extras was asked for {n['obeyed_s']:.2f} s after the "
            f"switch; {n['costly_after']:.0f} costly ones from {PROMISED_S:g} s on, {n['replicas']:.0f} replicas",
            expected=f"at most {PROMISED_S:g} s, then none costly, from 2 replicas; {costly} before",
        ),
        Finding(
            claim="Then a fragment costs next to nothing, and the threads are free for what people came for",
            holds=dear(n)
            and n["off_ms"] <= 0.5 * n["on_ms"]
            and n["on_ms"] >= 900 * DELAY_S
            and n["off_threads"] <= 0.3,
            measured=f"{n['off_ms']:.0f} ms instead of {n['on_ms']:.0f} ms; {n['off_threads']:.1f} threads wait",
            expected=f"half or less of at least {900 * DELAY_S:.0f} ms; 0.3 threads or less; {costly} before",
        ),
    ]


def dear(n: Numbers) -> bool:
    """Whether extras were costly as long as they were on, not now and then."""
    return n["costly"] >= max(20, MOST * n["asked"])


def unnoticed(n: Numbers) -> bool:
    """Whether extras were costly and nothing failed for it, neither a request nor, but for a few, the extras."""
    return dear(n) and n["failed"] == 0 and n["given_up"] <= FEW * n["costly"]


def expected_threads() -> float:
    """Little's law: fragments per second times the time each one waits."""
    return formulas.in_flight(RATE * EXTRAS, DELAY_S)


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="threads that wait for extras", unit="threads", formula="rate of fragments · delay (Little's law)",
            expected=expected_threads(), measured=n["on_threads"], question="threads"),
        Row(what="a fragment, before", unit="ms", formula="the delay", expected=1000 * DELAY_S, measured=n["on_ms"]),
        Row(what="until the last replica obeys, at most", unit="s", formula="a look at the flags every 0.4 s",
            expected=0.4, measured=n["obeyed_s"], question="obeyed"),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What fragments took, and how many threads waited for them."""
    load, facts = seen["load"], seen.facts
    extras = [
        (load.started_at + sample.intended_s, sample.latency_ms)
        for sample in load.waited_for
        if sample.what == "extras" and sample.latency_ms is not None
    ]
    figures = {
        "latency": plots.curves("A fragment with extras", "ms", {"fragment": extras}, dots=["fragment"]),
        "threads": plots.curves("Threads that wait for extras", "threads", {"waiting": seen.series["threads"]}),
    }
    for name, figure in figures.items():
        start = min(at for at, _ in (extras if name == "latency" else seen.series["threads"]))
        plots.shade(figure, facts["killed_at"] - start, facts["back_at"] - start, "killed")
    return figures


def _breaker(n: Numbers) -> str:
    return "no" if unnoticed(n) else "yes"


LAB = Lab(
    slug="kill-switch",
    topic="resilience",
    title="Kill switches and flags",
    minutes=20,
    question="An extra works but costs too much on the biggest day. How soon is it gone, without a deployment?",
    goal="what a flag does that neither a breaker nor a deployment can, and how it reaches every replica.",
    map="""\
operator ── flag ──► Postgres (the truth) and every Memcached node
                                   │ looked at every 0.4 s
40 pages a second ──► gateway ──► storefront-1, -2 ── extras? ──► recommendations (0.12 s for each)""",
    predictions=(
        Number(
            id="threads",
            text="16 fragments a second wait 0.12 s each for recommendations. How many of the storefront's 16 threads "
            "do they hold, on the mean?",
            unit="threads",
            low=0,
            high=16,
            measured="on_threads",
            factor=2,
        ),
        Choice(
            id="breaker",
            text="Recommendations answer after 0.12 s, the storefront waits for 0.15 s. Does a circuit breaker help?",
            options=("yes", "no"),
            answer=_breaker,
        ),
        Number(
            id="obeyed",
            text="The extras are switched off. After how many seconds does the last replica leave them out?",
            unit="s",
            low=0,
            high=60,
            measured="obeyed_s",
            factor=3,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1000), probes.invariants()),
    steady_load=LoadPlan(mix="tiers", rate=RATE / 2, seconds=10, quick_seconds=4),
    load=LoadPlan(mix="tiers", rate=RATE, seconds=ON_S + OFF_S + 4, quick_seconds=ON_S + OFF_S + 3, warm_up_s=0.0),
    prepare=(),
    method=(costly, kill_and_return),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=150),
)
