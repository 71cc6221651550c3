"""The closed-loop contrast: the same visits, but each user waits for an answer, then thinks, then asks again.

    locust -f labs/load/locustfile.py --headless --host http://127.0.0.1:21000 --users 20 --run-time 10s --mix sale

(or `./shoplab locust`). Most load tools ask like that. When the shop stalls, so do they: a user meets each stall once,
however long it lasts; what would have been asked meanwhile is never asked, and in no percentile (coordinated omission).
Only Locust may import this file: doing so replaces Python's sockets and threads by gevent's.
"""

from argparse import ArgumentParser
from functools import cache
from itertools import count
from random import Random
from threading import Lock
from time import sleep
from urllib.error import HTTPError

from locust import FastHttpUser, events, task

from labs.load.mixes import MIXES
from labs.load.request import Request
from labs.load.shoppers import THINK_S, think
from labs.warming import most_wanted

TIMEOUT_S = 10.0
seeds, reading = count(1), Lock()


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: ArgumentParser, **_: object) -> None:
    """Beside Locust's own."""
    parser.add_argument("--mix", choices=list(MIXES), default="sale", help="what users ask for")
    parser.add_argument("--think", type=float, default=THINK_S, help="mean seconds from an answer to the next request")


class Shopper(FastHttpUser):
    """One user: as many visits, one after the other, as the shop lets them make."""

    network_timeout = connection_timeout = TIMEOUT_S

    def on_start(self) -> None:
        self.options = self.environment.parsed_options
        self.random = Random(next(seeds))
        self.visits = MIXES[self.options.mix](self.random, skus(str(self.host)))

    def wait_time(self) -> float:
        """Between two visits."""
        return think(self.random) * float(self.options.think) / THINK_S

    @task
    def visit(self) -> None:
        """Think times are the same as in an open visit, but begin when the answer is there."""
        before_s = 0.0
        for at_s, request in next(self.visits):
            sleep((at_s - before_s) * self.options.think / THINK_S)
            before_s = at_s
            self.ask(request)

    def ask(self, request: Request) -> None:
        headers = {"X-Forwarded-For": request.client} | request.headers
        self.client.request(
            request.method, request.path, name=request.what, json=request.body, headers=headers, allow_redirects=False
        )


def skus(host: str) -> list[str]:
    """Every product the shop offers, in the shop's order: whoever comes first reads them for all."""
    with reading:
        return _skus(host)


@cache
def _skus(host: str, again: int = 5) -> list[str]:
    """A shop that is full (503) is asked again, a second later each time."""
    try:
        return list(most_wanted(host))
    except HTTPError as error:
        if error.code != 503 or not again:
            raise
    sleep(1)
    return _skus(host, again - 1)
