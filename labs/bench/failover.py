"""How long nobody's order is confirmed when the primary is killed, when it is frozen, and when the roles are exchanged.

A few people buy without a pause; the outage is the longest time between two confirmed orders of anybody.
"""

import itertools
import json
import signal
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from compose.runtime.processes import Ours, ours, send
from compose.runtime.verbs import RuntimeFailed
from labs.bench import warm_up
from labs.bench.measurement import Budget, Measurement, Round, Sample, Say
from labs.control.client import ShopClient

ROUNDS = 10
BUYERS, PAUSE_S, QUIET_S = 4, 0.02, 1.5
WITHIN_S, PATIENCE_S = 30.0, 10.0


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS) -> list[Measurement]:
    """Each way in turn; in between, the old primary comes back as a replica. Raises RuntimeFailed when a confirmed
    order is lost.
    """
    taken: dict[str, list[Round]] = {name: [] for name in WAYS}
    shop.set_flag("postgres.failover", "promote")
    for number, (name, (_, end, _)) in itertools.product(range(1, rounds + 1), WAYS.items()):
        taken[name].append(Round(outage(shop, end)))
        say(f"round {number} of {rounds}, {name}: {taken[name][-1].ours.value:.2f} s")
        restore(shop)
    shop.reset()
    return [
        Measurement(
            name=f"failover_{name}",
            what=f"{what} (worst of {rounds}: {max(each.ours.value for each in taken[name]):.2f} s)",
            unit="s",
            budget=budget,
            rounds=taken[name],
        )
        for name, (what, _, budget) in WAYS.items()
    ]


def kill(shop: ShopClient) -> None:
    """The primary's processes are killed, past control, which has to find out."""
    send(primary(shop), signal.SIGKILL)


def freeze(shop: ShopClient) -> None:
    """They stop where they are."""
    send(primary(shop), signal.SIGSTOP)


WAYS: dict[str, tuple[str, Callable[[ShopClient], object], Budget | None]] = {
    "kill": ("no order confirmed after the primary is killed", kill, Budget(limit=3)),
    "freeze": ("no order confirmed after the primary is frozen", freeze, Budget(limit=4)),
    "switchover": ("no order confirmed during a switchover", ShopClient.switchover, None),
}


def primary(shop: ShopClient) -> Ours:
    """Its first process."""
    return ours(next(int(part["pid"]) for part in shop.status() if part["role"] == "primary"))


def outage(shop: ShopClient, end: Callable[[ShopClient], object]) -> Sample:
    """Seconds without a confirmed order around this. `orders`: how many were confirmed before and after."""
    with buying(shop) as confirmed:
        time.sleep(QUIET_S)
        end(shop)
        ended = time.monotonic()
        while not any(asked > ended for asked, _ in list(confirmed)):
            if time.monotonic() > ended + WITHIN_S:
                raise RuntimeFailed(f"no order was confirmed within {WITHIN_S:.0f} s")
            time.sleep(0.05)
    moments = sorted(when for _, when in confirmed)
    longest_s = max(later - earlier for earlier, later in itertools.pairwise(moments))
    return Sample(longest_s, {"orders": len(moments)})


@contextmanager
def buying(shop: ShopClient) -> Iterator[list[tuple[float, float]]]:
    """A few people buy again and again until the block ends: (asked, confirmed) of each order that was."""
    skus = [item["sku"] for item in warm_up.products(shop)]
    over, confirmed = threading.Event(), list[tuple[float, float]]()

    def buy_on(sku: str) -> None:
        while not over.wait(PAUSE_S):
            asked = time.monotonic()
            with suppress(OSError):  # not confirmed, or no answer at all
                buy(shop.url, sku)
                confirmed.append((asked, time.monotonic()))

    people = [threading.Thread(target=buy_on, args=(sku,)) for sku in skus[:BUYERS]]
    for each in people:
        each.start()
    try:
        yield confirmed
    finally:
        over.set()
        for each in people:
            each.join()


def buy(url: str, sku: str) -> None:
    """One piece. Raises OSError unless it is confirmed."""
    body = json.dumps({"items": [{"sku": sku, "quantity": 1}], "payment": {"token": "tok_ok"}}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"bench-{uuid.uuid4().hex}"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/orders", body, headers), timeout=PATIENCE_S).close()


def restore(shop: ShopClient) -> None:
    """Two servers again, and all that was confirmed is there. Raises RuntimeFailed naming what is not."""
    if failures := shop.heal():
        raise RuntimeFailed("; ".join(failures))
    if violated := shop.check():
        raise RuntimeFailed("the shop is inconsistent after its primary was replaced: " + "; ".join(violated))
