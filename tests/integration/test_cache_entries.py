"""What lies in a real Memcached node can be read off it, without touching it."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from pymemcache.client.base import Client

from labs.control.cache_entries import entries
from tests.integration.cache_servers import Server

pytestmark = pytest.mark.servers


@pytest.fixture
def node() -> Iterator[Server]:
    server = Server("memcached", MEMORY_MB="8")
    try:
        server.start()
        yield server
    finally:
        server.remove()


def test_every_key_is_told_with_the_seconds_it_has_left(node: Server) -> None:
    with closing(Client(node.address)) as client:
        client.set("for-ever", b"-", 0, noreply=False)
        for number in range(2000):  # more than one packet
            client.set(f"catalog:product:{number}%", b"-", 60, noreply=False)
    found = entries(node.address)
    assert set(found) == {f"catalog:product:{number}%" for number in range(2000)}
    assert all(55 < left <= 61 for left in found.values())


def test_what_was_flushed_is_not_there_any_more(node: Server) -> None:
    with closing(Client(node.address)) as client:
        client.set("k", b"-", 60, noreply=False)
        client.flush_all(noreply=False)
    assert entries(node.address) == {}


def test_a_node_that_is_gone_is_an_error(node: Server) -> None:
    node.kill()
    with pytest.raises(OSError):
        entries(node.address)
