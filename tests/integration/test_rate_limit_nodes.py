"""A rate limit on real Memcached nodes: exact under many threads, apart for each key, open while they are away."""

from collections.abc import Iterator
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


def replica(server: Server, most: int = 20, out_s: float = 3.0) -> RateLimit:
    """The limit as one replica of a service has it, with a node and connections of its own."""
    node = Node(server.address, lambda: Patience(0.2, out_s))
    return RateLimit("test", [node], lambda: Rate(most, 60), clock=lambda: IN_THE_MIDDLE)


def admits(limit: RateLimit, who: str = "a") -> bool:
    with suppress(TooOften):
        limit.admit(who)
        return True
    return False


def test_replicas_that_count_at_once_let_exactly_so_many_through_for_each_key(server: Server) -> None:
    replicas = [replica(server), replica(server)]
    with ThreadPoolExecutor(16) as crowd:
        through = list(crowd.map(lambda n: (n % 3, admits(replicas[n % 2], f"key-{n % 3}")), range(300)))
    assert [sum(admitted for key, admitted in through if key == which) for which in range(3)] == [20, 20, 20]


def test_it_is_open_while_the_node_is_away_and_counts_again_after(server: Server) -> None:
    limit = replica(server, most=2, out_s=0.0)
    assert [admits(limit) for _ in range(3)] == [True, True, False]
    server.kill()
    assert [admits(limit) for _ in range(3)] == [True, True, True]
    server.start()
    assert [admits(limit) for _ in range(3)] == [True, True, False]


def test_a_silent_node_costs_one_bounded_wait_and_lets_everybody_through(server: Server) -> None:
    limit = replica(server, most=1, out_s=60)
    server.freeze()
    try:
        assert [admits(limit) for _ in range(5)] == [True] * 5
    finally:
        server.thaw()
