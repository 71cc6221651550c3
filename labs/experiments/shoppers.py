"""The buyers of an experiment: an open loop that goes on until they are sent home, and clients that try again.

It runs in a thread of the process that waits for the experiment anyway: what counts here are answers, not milliseconds,
and a process of its own would take longer to start than some faults last.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp

from labs.load import schedule
from labs.load.generator import Generator, Order, Recording, fetch_skus
from labs.load.request import PLENTY, Request, address, buy
from labs.load.result import confirmed, undecided
from labs.load.sample import Sample
from labs.load.shoppers import DOUBLE_CLICKS, Step

LONGEST_S = 60.0
PATIENCE_S = 6.0
HOT_ITEM, PIECES = "pot-020", 8
HOT = 0.5
"""The share that wants the same product, of which there are so few pieces that they are sold out soon: who sells too
much sells too much of that one.
"""
AGAIN_EVERY_S = 0.02


class NoShoppers(Exception):
    """They cannot come, or never came; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What all of them saw. `failed`: no answer, or an error of the shop; a sold-out product is neither. `recover_s`:
    from the first request that failed to the first order confirmed after the last one; 0 when none failed, None when no
    order was confirmed any more. `still_unknown` failed even when they tried again, in a shop that was healed.
    """

    requests: int
    failed: int
    confirmed: Sequence[str]
    outcomes: Mapping[str, int]
    recover_s: float | None
    tried_again: int
    still_unknown: int


class Shoppers:
    """They come as soon as this is made. Raises NoShoppers."""

    def __init__(self, url: str, rate: float, seed: int) -> None:
        self._url, self._loop = url, asyncio.new_event_loop()
        self._generator = Generator(url, timeout_s=PATIENCE_S)
        self._steps = list(_plan(rate, seed, self._products()))
        self._thread = threading.Thread(target=self._come, name="shoppers", daemon=True)
        self._thread.start()

    @property
    def now_s(self) -> float:
        """Seconds since the first one came."""
        return self._generator.elapsed_s

    def confirmed_since(self, since_s: float) -> bool:
        """Whether somebody who came after that has an order."""
        return any(s.outcome == "ok" and s.intended_s >= since_s for s in list(self._generator.recording.samples))

    def go_home(self) -> Recording:
        """Nobody comes any more; who waits for an answer waits a second longer. May be repeated."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._generator.end)
            self._thread.join(PATIENCE_S)
        return self._generator.recording

    def try_again(self, orders: Sequence[Order]) -> Sequence[Order]:
        """Whoever does not know whether there is an order sends the same request under the same key once more."""
        requests = {step.request.headers["Idempotency-Key"]: step.request for step in self._steps}
        steps = [Step(number * AGAIN_EVERY_S, requests[key]) for number, key in enumerate(undecided(orders))]
        return asyncio.run(Generator(self._url, timeout_s=PATIENCE_S).run(steps)).orders

    def _products(self) -> Sequence[str]:
        try:
            return self._loop.run_until_complete(fetch_skus(self._url))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoShoppers(f"the shop shows no products: {error or type(error).__name__}") from error

    def _come(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._generator.run(self._steps))


def seen(first: Recording, again: Sequence[Order]) -> Seen:
    """Put together what was seen at first and when they tried again."""
    return Seen(
        requests=len(first.samples),
        failed=sum(_failed(sample) for sample in first.samples),
        confirmed=confirmed([*first.orders, *again]),
        outcomes=Counter(sample.outcome or "unanswered" for sample in first.samples),
        recover_s=recover_s(first.samples),
        tried_again=len(again),
        still_unknown=len(undecided(again)),
    )


def recover_s(samples: Sequence[Sample]) -> float | None:
    """See `Seen`."""
    failed = [sample.intended_s for sample in samples if _failed(sample)]
    if not failed:
        return 0.0
    later = [s.done_s for s in samples if s.outcome == "ok" and s.intended_s > max(failed) and s.done_s is not None]
    return round(min(later) - min(failed), 2) if later else None


def _failed(sample: Sample) -> bool:
    return sample.outcome not in ("ok", "http_4xx", "")


def _plan(rate: float, seed: int, skus: Sequence[str]) -> Iterator[Step]:
    """Who comes when, for longer than an experiment lasts; some click twice."""
    random = Random(seed)
    for at_s in schedule.poisson(rate, LONGEST_S, seed).arrivals:
        request = _order(random, skus)
        yield Step(at_s, request)
        if random.random() < DOUBLE_CLICKS:
            yield Step(at_s, request)


def _order(random: Random, skus: Sequence[str]) -> Request:
    sku = HOT_ITEM if random.random() < HOT else random.choice(skus[:PLENTY])
    return buy(sku, 1, address(random))


def as_output(seen: Seen) -> dict[str, Any]:
    """For a journal: plain data."""
    return {**seen.__dict__, "confirmed": len(seen.confirmed)}
