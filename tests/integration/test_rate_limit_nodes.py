"""A rate limit on real Memcached nodes: exact under many threads, apart for each key, open while they are away."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from services.common.errors import TooOften
from services.common.memcached import Node, Patience
from services.common.rate_limit import Rate, RateLimit
from tests.integration.cache_servers import Server

pytestmark = pytest.mark.servers
IN_THE_MIDDLE = 60_030.0
"""So that no window begins while a test is under way."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server("memcached", MEMORY_MB="8")
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def replica(server: Server) -> Iterator[Callable[..., RateLimit]]:
    """Makes the limit as one replica of a service has it, with connections of its own, which are closed in the end."""
    nodes: list[Node] = []

    def make(most: int = 20, out_s: float = 3.0) -> RateLimit:
        nodes.append(Node(server.address, lambda: Patience(2.0, out_s)))
        return RateLimit("test", nodes[-1:], lambda: Rate(most, 60), clock=lambda: IN_THE_MIDDLE)

    yield make
    for node in nodes:
        node.close()


def admits(limit: RateLimit, who: str = "a") -> bool:
    with suppress(TooOften):
        limit.admit(who)
        return True
    return False


def test_replicas_that_count_at_once_let_exactly_so_many_through_for_each_key(replica) -> None:
    replicas = [replica(), replica()]
    with ThreadPoolExecutor(16) as crowd:
        through = list(crowd.map(lambda n: (n % 3, admits(replicas[n % 2], f"key-{n % 3}")), range(300)))
    assert [sum(admitted for key, admitted in through if key == which) for which in range(3)] == [20, 20, 20]


def test_it_is_open_while_the_node_is_away_and_counts_again_after(server, replica) -> None:
    limit = replica(most=2, out_s=0.0)
    assert [admits(limit) for _ in range(3)] == [True, True, False]
    server.kill()
    assert [admits(limit) for _ in range(3)] == [True, True, True]
    server.start()
    assert [admits(limit) for _ in range(3)] == [True, True, False]


def test_a_silent_node_costs_one_bounded_wait_and_lets_everybody_through(server, replica) -> None:
    limit = replica(most=1, out_s=60)
    server.freeze()
    began = time.monotonic()
    try:
        assert [admits(limit) for _ in range(5)] == [True] * 5
        assert time.monotonic() - began < 8, "five waits would be ten seconds"
    finally:
        server.thaw()
