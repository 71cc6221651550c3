"""Carts and cached things on real Memcached nodes that are killed, frozen and restarted."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.cart.carts import Carts
from services.common.cache import Cache
from services.common.memcached import Node, NodeFailed, Patience
from services.common.placement import ranked
from tests.integration.cache_servers import Server

pytestmark = pytest.mark.servers
ID = "0" * 32
WAIT_S = 0.2


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Three, in the order of the cart ID."""
    made = [Server("memcached", MEMORY_MB="8") for _ in range(3)]
    try:
        for server in made:
            server.start()
        yield ranked(made, f"cart:{ID}")
    finally:
        for server in made:
            server.remove()


@pytest.fixture
def nodes_of() -> Iterator[Callable[..., list[Node]]]:
    """Makes the nodes of some servers, and closes their connections."""
    made: list[Node] = []

    def make(servers: list[Server], out_s: float = 3.0) -> list[Node]:
        nodes = [Node(server.address, lambda: Patience(WAIT_S, out_s)) for server in servers]
        made.extend(nodes)
        return nodes

    yield make
    for node in made:
        node.close()


def test_a_cart_survives_the_death_of_either_of_its_nodes(servers, nodes_of):
    carts = Carts(nodes_of(servers), lambda: "cart-1", 60)
    carts.put(ID, "tea-001", 2)
    servers[0].kill()
    assert carts.put(ID, "cup-001", 1) == {"cup-001": 1, "tea-001": 2}
    servers[1].kill()
    assert carts.get(ID) == {"cup-001": 1, "tea-001": 2}


def test_a_frozen_node_costs_one_bounded_wait_and_then_nothing(servers, nodes_of):
    carts = Carts(nodes_of(servers, out_s=60), lambda: "cart-1", 60)
    carts.put(ID, "tea-001", 2)
    servers[0].freeze()
    started = time.monotonic()
    assert carts.get(ID) == {"tea-001": 2}
    assert time.monotonic() - started >= WAIT_S * 0.9
    started = time.monotonic()
    for _ in range(20):
        assert carts.get(ID) == {"tea-001": 2}
    assert time.monotonic() - started < 20 * WAIT_S


def test_a_connection_that_is_open_follows_a_change_of_patience(servers, nodes_of):
    patience = Patience(wait_s=5, out_s=0)
    node = Node(servers[0].address, lambda: patience)
    assert node.get("k") is None
    patience = Patience(wait_s=0.05, out_s=0)
    servers[0].freeze()
    started = time.monotonic()
    with pytest.raises(NodeFailed):
        node.get("k")
    assert time.monotonic() - started < 2 and node.alive()
    node.close()


def test_a_thawed_node_does_not_bring_its_old_copy_back(servers, nodes_of):
    carts = Carts(nodes_of(servers, out_s=0.05), lambda: "cart-1", 60)
    carts.put(ID, "tea-001", 2)
    servers[0].freeze()
    carts.put(ID, "tea-001", 7)
    servers[0].thaw()
    time.sleep(0.1)
    assert carts.get(ID) == {"tea-001": 7}


def test_of_many_who_write_one_cart_at_once_nobody_is_lost(servers, nodes_of):
    def add(number: int) -> None:
        Carts(nodes_of(servers), lambda: f"cart-{number}", 60).put(ID, f"tea-{number:03}", 1)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(6)))
    assert len(Carts(nodes_of(servers), lambda: "cart-9", 60).get(ID)) == 6


def test_a_node_that_was_restarted_is_used_again_although_all_connections_to_it_are_dead(servers, nodes_of):
    (node,) = nodes_of(servers[:1], out_s=0.05)
    node.set("k", b"v", 60)
    servers[0].kill()
    with pytest.raises(NodeFailed):
        node.get("k")
    assert not node.alive()
    servers[0].start()
    time.sleep(0.1)
    assert node.alive() and node.get("k") is None


def test_a_value_that_is_too_large_fails_alone_and_the_node_stays(servers, nodes_of):
    (node,) = nodes_of(servers[:1])
    with pytest.raises(NodeFailed):
        node.set("k", b"x" * 5_000_000, 60)
    assert node.alive()


def test_twenty_threads_in_each_of_two_replicas_load_a_product_once(servers, nodes_of):
    loads, start = [], threading.Barrier(40)

    def load() -> bytes:
        loads.append(1)
        time.sleep(0.05)
        return b"fresh"

    replicas = [Cache("catalog", nodes_of(servers), flight_s=10, peer_s=10) for _ in range(2)]

    def shopper(number: int) -> bytes:
        start.wait(10)
        return replicas[number % 2].through("product:tea-001", load, 60)

    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(shopper, range(40))) == {b"fresh"}
    assert len(loads) == 1


@pytest.mark.parametrize("harm", ["kill", "freeze"])
def test_a_cache_whose_nodes_are_all_gone_is_slower_but_never_wrong(servers, nodes_of, harm):
    cache = Cache("catalog", nodes_of(servers))
    cache.through("k", lambda: b"fresh", 60)
    for server in servers:
        getattr(server, harm)()
    for answer in (b"one", b"two"):
        started = time.monotonic()
        assert cache.through("k", lambda answer=answer: answer, 60) == answer
        assert time.monotonic() - started < 10


def test_what_is_cached_comes_back_byte_for_byte(servers, nodes_of):
    (node,) = nodes_of(servers[:1])
    for value in (b"", b"\0\r\nEND\r\n", bytes(range(256)) * 300):
        node.set("k", value, 60)
        assert node.get("k") == value
    assert (node.add("k", b"", 60), node.add("new", b"1", 60)) == (False, True)
    node.delete("k")
    assert node.get("k") is None
