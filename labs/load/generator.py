"""Send requests when the schedule says so, and write down what became of each.

One task per request, no pool limit, no pause for answers: a bounded connection pool would make late requests wait
inside the client and hide it. What bounds the load is `max_in_flight`; arrivals above it are dropped and said so.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf

import aiohttp

from labs.load.in_flight import InFlight
from labs.load.outcome import outcome_of_error, outcome_of_status
from labs.load.request import Request
from labs.load.sample import BUYER, DROPPED, Sample
from labs.load.shoppers import Step

MAX_IN_FLIGHT = 512
TIMEOUT_S = 10.0
TEMPORARY_REDIRECT = 307
MOST_PAGES = 50
STAYS_S = 25.0
"""How long after a load's end its visitors still do what the answers tell them to."""
LAST_ANSWERS_S = 1.0
"""How long a load that is ended early still waits for what is under way."""


@dataclass(kw_only=True)
class Order:
    """One attempt to buy. `order_id` is empty unless confirmed; without a definite answer it may exist anyway."""

    key: str
    outcome: str = ""
    status: int = 0
    order_id: str = ""
    kind: str = BUYER


@dataclass(kw_only=True)
class Recording:
    """All that a load leaves behind. `started_at`: seconds since 1970; `mean_in_flight` was counted as it happened.

    `ended_early`: not all of the plan was sent, and samples without an outcome were still under way at the end.
    """

    started_at: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    mean_in_flight: float = 0.0
    seconds: float = 0.0
    ended_early: bool = False


class Generator:
    """One load. `recording` may be looked at while `run` is under way."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._max_in_flight = max_in_flight
        self._in_flight = InFlight()
        self._begin = 0.0
        self._limit = asyncio.Timeout(None)
        self._until_s = inf
        self.recording = Recording()

    async def run(self, plan: Sequence[Step], until_s: float = inf) -> Recording:
        """Take at most the plan's time plus one timeout, or `STAYS_S` more than `until_s` where visitors do what they
        are told; every request that was started has an outcome then.
        """
        self._until_s = until_s + STAYS_S
        connector = aiohttp.TCPConnector(limit=0, limit_per_host=0)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, timeout=self._timeout) as session:
            self._begin = time.perf_counter() + 0.05
            self.recording.started_at = time.time() + 0.05
            self._in_flight.reset(self._begin)
            with contextlib.suppress(TimeoutError):
                async with self._limit, asyncio.TaskGroup() as tasks:
                    for due, request in plan:
                        await asyncio.sleep(max(0.0, due - self.elapsed_s))
                        if self.recording.ended_early:
                            break
                        self._arrive(session, tasks, due, request)
        self.recording.seconds = self.elapsed_s
        self.recording.mean_in_flight = self._in_flight.mean(time.perf_counter())
        return self.recording

    def end(self) -> None:
        """Send nothing more, wait a moment for what is under way, then let `run` return."""
        self.recording.ended_early = True
        self._limit.reschedule(asyncio.get_running_loop().time() + LAST_ANSWERS_S)

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._begin

    @property
    def in_flight(self) -> int:
        return self._in_flight.count

    def _arrive(self, session: aiohttp.ClientSession, tasks: asyncio.TaskGroup, due: float, request: Request) -> None:
        sample = Sample(intended_s=due, what=request.what, client=request.client, kind=request.kind)
        self.recording.samples.append(sample)
        if self._in_flight.count >= self._max_in_flight:
            sample.outcome = DROPPED
            return
        self._in_flight.change(+1, time.perf_counter())
        tasks.create_task(self._visit(session, tasks, request, sample))

    async def _visit(
        self, session: aiohttp.ClientSession, tasks: asyncio.TaskGroup, request: Request, sample: Sample
    ) -> None:
        """One request, and what its client does next: some time after the answer, as only then it is known."""
        answer = await self._send(session, request, sample)
        following = request.then(sample.status, answer) if request.then else None
        if following is not None:
            due = self.elapsed_s + following[0]
            if due < self._until_s and not self.recording.ended_early:
                await asyncio.sleep(following[0])
                self._arrive(session, tasks, due, following[1])

    async def _send(self, session: aiohttp.ClientSession, request: Request, sample: Sample) -> bytes:
        sample.sent_s = self.elapsed_s
        answer = b""
        try:
            answer = await self._exchange(session, request, sample)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            sample.outcome = outcome_of_error(error)
        finally:
            self._in_flight.change(-1, time.perf_counter())
            sample.done_s = self.elapsed_s if sample.outcome else None
            if request.what == "checkout":
                self.recording.orders.append(_order(request, sample, answer))
        return answer

    async def _exchange(
        self, session: aiohttp.ClientSession, request: Request, sample: Sample, path: str = ""
    ) -> bytes:
        """Send it, and again where the answer says so (307: to the lane of a sale's item). Pages say 303, which is the
        end of it.
        """
        headers = {"X-Forwarded-For": request.client} | request.headers
        exchange = session.request(
            request.method,
            self._url + (path or request.path),
            json=request.body,
            data=request.form,
            headers=headers,
            allow_redirects=False,
        )
        async with exchange as response:
            answer = await response.read()
        if response.status == TEMPORARY_REDIRECT and not path:
            return await self._exchange(session, request, sample, response.headers["Location"])
        sample.status = response.status
        sample.replica = response.headers.get("X-Served-By", "")
        sample.outcome = outcome_of_status(response.status)
        return answer


def _order(request: Request, sample: Sample, answer: bytes) -> Order:
    key = request.headers["Idempotency-Key"]
    order = Order(key=key, outcome=sample.outcome, status=sample.status, kind=request.kind)
    if sample.outcome == "ok":
        with contextlib.suppress(ValueError, KeyError, TypeError):
            order.order_id = str(json.loads(answer)["order_id"])
    return order


async def fetch_skus(url: str) -> list[str]:
    """Every product the shop offers, in the shop's order (at most `MOST_PAGES` pages of its list)."""
    skus: list[str] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        for page in range(1, MOST_PAGES + 1):
            async with session.get(f"{url.rstrip('/')}/api/catalog/products", params={"page": page}) as response:
                response.raise_for_status()
                answer = await response.json()
            skus += [item["sku"] for item in answer["items"]]
            if page >= int(answer["pages"]):
                break
    return skus


async def tick(generator: Generator, report: Callable[[Generator], None]) -> None:
    """Call `report` once a second until cancelled."""
    while True:
        await asyncio.sleep(1)
        report(generator)
