"""Our open-loop generator beside wrk: the same requests at the same rate, one instrument after the other, in one run.

wrk is written in C and times from the sending; ours is Python and times from when a request was due. So the ratio of
their latencies is what our instrument adds to what it measures. wrk is a closed loop, and no model for latency under
stress: no more than its connections can wait at a time, and each rests after it was answered, however late that was.
Here, on a healthy shop, that costs it the few percent of the rate that the table shows.
"""

import asyncio
from collections.abc import Sequence

from compose.runtime.verbs import RuntimeFailed
from labs.bench import wrk
from labs.bench.measurement import Measurement, Round, Sample, Say, in_turn
from labs.control.client import ShopClient
from labs.load import Schedule, constant, run_load
from labs.load.generator import fetch_skus
from labs.load.mixes import plan

ROUNDS = 4
SECONDS = 5
RATE = 200.0
MIX, SEED = "products", 1
PERCENTILES = ("p50", "p90", "p99")


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS, seconds: int = SECONDS) -> list[Measurement]:
    """Product JSON at the gateway, products by Zipf's law."""
    schedule = constant(RATE, seconds)
    paths = paths_of(shop.url, schedule)
    wrk.drive(shop.url, paths, RATE, 1)  # all of it is in the caches then
    taken = in_turn(
        rounds, lambda: ours(shop.url, schedule), lambda: theirs(shop.url, paths, seconds), say, "requests/s"
    )
    achieved = Measurement(
        name="load",
        what=f"the load generator, asked for {RATE:g}/s",
        unit="requests/s",
        beside=f"wrk over {wrk.CONNECTIONS} connections, asked for {RATE:g}/s less what its answers take (closed loop)",
        rounds=taken,
    )
    return [achieved, *(latency(percentile, taken) for percentile in PERCENTILES)]


def paths_of(url: str, schedule: Schedule) -> list[str]:
    """What our generator will ask for, in its order."""
    skus = asyncio.run(fetch_skus(url))
    steps = plan(MIX, schedule.arrivals, schedule.duration_s, SEED, skus)
    return [step.request.path for step in steps]


def ours(url: str, schedule: Schedule) -> Sample:
    """Requests per second. Raises RuntimeFailed when one failed."""
    result = run_load(url, schedule, MIX, seed=SEED)
    if result.outcomes["ok"] < result.offered:
        raise RuntimeFailed(f"the load was not served as expected: {result.outcomes}")
    lag_ms = result.generator_lag.percentile(99)
    return Sample(result.completed / result.seconds, result.latency.summary() | {"lag_p99": lag_ms})


def theirs(url: str, paths: Sequence[str], seconds: int) -> Sample:
    """The same by wrk."""
    report = wrk.drive(url, paths, RATE, seconds)
    return Sample(report["requests"] / report["seconds"], {name: report[name] for name in PERCENTILES})


def latency(percentile: str, rounds: Sequence[Round]) -> Measurement:
    """The same rounds, looked at for one percentile, in milliseconds."""
    halves = [[Sample(half.more[percentile]) for half in (each.ours, each.yardstick) if half] for each in rounds]
    return Measurement(
        name=f"load_{percentile}",
        what=f"its {percentile}, from the intended start",
        unit="ms",
        rounds=[Round(*pair) for pair in halves],
    )
