"""How long nobody's order is confirmed when the primary is killed, when it is frozen, and when the roles are exchanged;
and whether every order that was confirmed is still there.

A few people buy without a pause; the outage is the longest time between two confirmed orders of anybody. Asynchronous
replication may lose the last orders before a kill, which its replica had not yet received: how many is only reported.
"""

import itertools
import json
import signal
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from compose.runtime.processes import Ours, ours, send
from compose.runtime.verbs import RuntimeFailed
from labs.bench import warm_up
from labs.bench.measurement import Budget, Measurement, Round, Sample, Say
from labs.bench.replication import replicate
from labs.control.client import ShopClient

ROUNDS = 10
BUYERS, PAUSE_S, QUIET_S = 4, 0.02, 1.5
WITHIN_S, PATIENCE_S = 30.0, 10.0


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to be without the primary: whether each commit is on both servers by then, and whether no confirmed order
    may be lost.
    """

    what: str
    end: Callable[[ShopClient], object]
    budget: Budget | None = None
    synchronous: bool = False
    keeps_all: bool = False


class Confirmed(NamedTuple):
    """An order that a buyer saw confirmed; when it was asked for and when the answer came, on the monotonic clock."""

    order_id: str
    asked: float
    at: float


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS) -> list[Measurement]:
    """Each way in turn; in between, the old primary comes back as a replica. Raises RuntimeFailed when the shop is
    inconsistent then, and no lost order explains it.
    """
    taken: dict[str, list[Round]] = {name: [] for name in WAYS}
    for number, (name, way) in itertools.product(range(1, rounds + 1), WAYS.items()):
        shop.set_flag("postgres.failover", "promote")
        replicate(shop, way.synchronous)
        sample = outage(shop, way.end)
        taken[name].append(Round(sample))
        say(f"round {number} of {rounds}, {name}: {sample.value:.2f} s, {sample.more['lost']} orders lost")
    shop.reset()
    return [*(nobody_buys(WAYS[name], name, each) for name, each in taken.items()), *losses(taken)]


def nobody_buys(way: Way, name: str, rounds: Sequence[Round]) -> Measurement:
    """The outages of one way."""
    worst_s = max(each.ours.value for each in rounds)
    return Measurement(
        name=f"failover_{name}",
        what=f"{way.what} (worst of {len(rounds)}: {worst_s:.2f} s)",
        unit="s",
        budget=way.budget,
        rounds=rounds,
    )


def losses(taken: Mapping[str, Sequence[Round]]) -> list[Measurement]:
    """Confirmed orders that are gone, of all rounds together: of the ways that may lose none, and of the others."""

    def of(keeps_all: bool) -> list[Round]:
        return [each for name, rounds in taken.items() if WAYS[name].keeps_all is keeps_all for each in rounds]

    kept, risked = "killed with each commit on both servers, or switched over", "killed or frozen, asynchronous"
    return [
        gone("failover_lost", f"confirmed orders lost: {kept}", of(True), Budget(limit=0)),
        gone("failover_lost_asynchronous", f"confirmed orders lost: {risked}", of(False)),
    ]


def gone(name: str, what: str, rounds: Sequence[Round], budget: Budget | None = None) -> Measurement:
    """One sum, as a median would hide a single lost order."""
    lost, orders = (sum(each.ours.more[count] for each in rounds) for count in ("lost", "orders"))
    together = Round(Sample(lost, {"orders": orders}))
    return Measurement(name=name, what=f"{what} (of {orders})", unit="orders", budget=budget, rounds=[together])


def kill(shop: ShopClient) -> None:
    """The primary's processes are killed, past control, which has to find out."""
    send(primary(shop), signal.SIGKILL)


def freeze(shop: ShopClient) -> None:
    """They stop where they are."""
    send(primary(shop), signal.SIGSTOP)


WAYS = {
    "kill": Way(what="no order confirmed after the primary is killed", end=kill, budget=Budget(limit=3)),
    "kill_synchronous": Way(
        what="the same, each commit on both servers", end=kill, budget=Budget(limit=3), synchronous=True, keeps_all=True
    ),
    "freeze": Way(what="no order confirmed after the primary is frozen", end=freeze, budget=Budget(limit=4)),
    "switchover": Way(what="no order confirmed during a switchover", end=ShopClient.switchover, keeps_all=True),
}


def primary(shop: ShopClient) -> Ours:
    """Its first process."""
    return ours(next(int(part["pid"]) for part in shop.status() if part["role"] == "primary"))


def outage(shop: ShopClient, end: Callable[[ShopClient], object]) -> Sample:
    """Seconds without a confirmed order around this. `orders`: how many were confirmed before and after; `lost`: how
    many of them are not there once both servers are well again.
    """
    with buying(shop) as confirmed:
        time.sleep(QUIET_S)
        end(shop)
        ended = time.monotonic()
        while not any(order.asked > ended for order in list(confirmed)):
            if time.monotonic() > ended + WITHIN_S:
                raise RuntimeFailed(f"no order was confirmed within {WITHIN_S:.0f} s")
            time.sleep(0.05)
    moments = sorted(order.at for order in confirmed)
    longest_s = max(later - earlier for earlier, later in itertools.pairwise(moments))
    return Sample(longest_s, {"orders": len(confirmed), "lost": restore(shop, [each.order_id for each in confirmed])})


def lost(shop: ShopClient, confirmed: Sequence[str]) -> int:
    """How many of these orders are not in the table."""
    ids = ", ".join(f"'{order_id}'" for order_id in confirmed)
    return len(confirmed) - len(shop.rows(f"select from orders.orders where order_id in ({ids})"))


@contextmanager
def buying(shop: ShopClient) -> Iterator[list[Confirmed]]:
    """A few people buy again and again until the block ends: their confirmed orders."""
    skus = [item["sku"] for item in warm_up.products(shop)]
    over, confirmed = threading.Event(), list[Confirmed]()

    def buy_on(sku: str) -> None:
        while not over.wait(PAUSE_S):
            asked = time.monotonic()
            with suppress(OSError):  # not confirmed, or no answer at all
                confirmed.append(Confirmed(buy(shop.url, sku), asked, time.monotonic()))

    people = [threading.Thread(target=buy_on, args=(sku,)) for sku in skus[:BUYERS]]
    for each in people:
        each.start()
    try:
        yield confirmed
    finally:
        over.set()
        for each in people:
            each.join()


def buy(url: str, sku: str) -> str:
    """One piece; the order's id. Raises OSError unless it is confirmed."""
    body = json.dumps({"items": [{"sku": sku, "quantity": 1}], "payment": {"token": "tok_ok"}}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"bench-{uuid.uuid4().hex}"}
    request = urllib.request.Request(f"{url}/api/orders", body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return str(json.load(answer)["order_id"])


def restore(shop: ShopClient, confirmed: Sequence[str]) -> int:
    """Two servers again; how many orders are lost. What else does not fit together then is cleared away with them.
    Raises RuntimeFailed when something does not, and no order is lost.
    """
    if failures := shop.heal():
        raise RuntimeFailed("; ".join(failures))
    number, violated = lost(shop, confirmed), shop.check()
    if number:
        shop.reset()
    elif violated:
        raise RuntimeFailed("the shop is inconsistent after its primary was replaced: " + "; ".join(violated))
    return number
