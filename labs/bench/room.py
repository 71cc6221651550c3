"""How long the waiting room's page takes at the gateway, while a line stands in it and more people come.

The gateway's own clock is read, from its log: from the first byte of the request to the last one of the page.
"""

import http.client
import itertools
import json
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from compose import places
from compose.runtime.verbs import RuntimeFailed
from labs.bench.measurement import Budget, Measurement, Round, Sample, Say
from labs.control.client import ShopClient
from labs.load import constant, start_load
from labs.load.histogram import Histogram
from labs.load.mixes import LINE

ITEM = "pot-020"
PIECES, ADMITTED_PER_S = 100, 1.0
PEOPLE, ARRIVE_PER_S = 200, 20.0
ROUNDS = 5
PAGES = 1000
BROWSERS, PAUSE_S = 10, 0.05
"""Not quite 200 pages a second, which is as often as a whole line is told to ask."""
BUDGET = Budget(limit=50)
WITHIN_S = 5.0


def measure(
    shop: ShopClient, say: Say, rounds: int = ROUNDS, pages: int = PAGES, people: int = PEOPLE
) -> list[Measurement]:
    """`people` stand in line; so many loads of their pages are timed in each round."""
    taken: list[Round] = []
    with sale(shop):
        tickets = [ticket(shop.url) for _ in range(people)]
        for number in range(1, rounds + 1):
            taken.append(Round(waiting(shop, tickets, pages)))
            say(f"round {number} of {rounds}: {taken[-1].ours.value:.0f} ms")
    what = f"the waiting room's page at the gateway, p99, {people} people in line and {ARRIVE_PER_S:g} more a second"
    return [Measurement(name="room", what=what, unit="ms", budget=BUDGET, rounds=taken)]


@contextmanager
def sale(shop: ShopClient) -> Iterator[None]:
    """The item is sold to a line that hardly moves; afterwards there are as many pieces of it as before."""
    (before,) = shop.rows(f"select sum(available)::int as pieces from inventory.stock where sku = '{ITEM}'")
    try:
        shop.start_sale(ITEM, PIECES, ADMITTED_PER_S)
        yield
    finally:
        shop.stop_sale()
        shop.restock(ITEM, before["pieces"])


def ticket(url: str) -> str:
    """One more person in line."""
    with urllib.request.urlopen(f"{url}/api/waiting-room/{ITEM}", b"", timeout=5) as answer:
        return str(json.load(answer)["ticket"])


def waiting(shop: ShopClient, tickets: Sequence[str], pages: int) -> Sample:
    """The p99 of so many loads, in milliseconds, beside people who arrive and ask where they stand."""
    log = places.folder(shop.name) / "data/gateway/access.log"
    turns = list(itertools.islice(itertools.cycle(tickets), pages))
    with start_load(shop.url, constant(ARRIVE_PER_S, 60), LINE.format(sku=ITEM)), ThreadPoolExecutor(BROWSERS) as pool:
        logged, began = log.stat().st_size, time.monotonic()
        for done in [pool.submit(browse, shop.url, turns[n::BROWSERS]) for n in range(BROWSERS)]:
            done.result()
        rate = pages / (time.monotonic() - began)
    took_ms = Histogram(request_times_ms(log, logged, pages))
    more = {"median_ms": took_ms.percentile(50), "pages_per_s": round(rate), "pages": took_ms.count}
    return Sample(took_ms.percentile(99), more)


def browse(url: str, tickets: Sequence[str]) -> None:
    """Load the page with each of these, on one connection. Raises RuntimeFailed when it is not there."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    for held in tickets:
        connection.request("GET", f"/sale/{ITEM}", headers={"Cookie": f"ticket={held}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeFailed(f"the waiting room's page was answered with {answer.status}")
        time.sleep(PAUSE_S)
    connection.close()


def request_times_ms(log: Path, after: int, pages: int) -> list[float]:
    """What the gateway took for each of these page loads, the last of which it may still be writing down; `after` so
    many bytes of its log. Raises RuntimeFailed when some are missing.
    """
    deadline = time.monotonic() + WITHIN_S
    while len(found := list(_loads(log, after))) < pages:
        if time.monotonic() > deadline:
            raise RuntimeFailed(f"of {pages} page loads the gateway has logged {len(found)}: see {log}")
        time.sleep(0.05)
    return found


def _loads(log: Path, after: int) -> Iterator[float]:
    with log.open("rb") as file:
        file.seek(after)
        for line in file:
            if line.endswith(b"\n") and (request := json.loads(line))["uri"] == f"/sale/{ITEM}":
                yield 1000 * request["request_time"]
