"""Faults of the network on the shop's own links, seen by a client of a link: each one's effect appears, and is gone
when it is healed.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from compose.wire.client import Wire
from labs.control.client import ShopClient

pytestmark = pytest.mark.servers

LINK = "catalog-1:memcached-1"
VERSION = b"version\r\n"
BIG = 40_000


@pytest.fixture
def linked(shop: ShopClient) -> Iterator[ShopClient]:
    """The session's shop of local processes, where a test can stand at the end of a link; healed after."""
    try:
        yield shop
    finally:
        assert shop.heal() == []


@cache
def wire(shop: ShopClient) -> Wire:
    """Its API."""
    return Wire(shop.report()["wire_url"].removeprefix("http://"))


def address(shop: ShopClient, link: str) -> tuple[str, int]:
    """Where its client connects to."""
    host, _, port = wire(shop).proxies()[link]["listen"].rpartition(":")
    return host, int(port)


@contextmanager
def line(shop: ShopClient, link: str = LINK, wait_s: float = 20) -> Iterator[socket.socket]:
    """A connection by way of a link."""
    with socket.create_connection(address(shop, link), timeout=wait_s) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield made


def pieces(made: socket.socket, request: bytes, end: bytes = b"\r\n") -> list[bytes]:
    """Ask Memcached something: the answer in the pieces in which it came, up to `end` or the end of the stream."""
    made.sendall(request)
    got: list[bytes] = []
    while not b"".join(got).endswith(end) and (more := made.recv(65_536)):
        got.append(more)
    return got


def seconds(shop: ShopClient, request: bytes = VERSION, end: bytes = b"\r\n") -> float:
    """How long an answer takes on a new connection."""
    with line(shop) as made:
        began = time.monotonic()
        pieces(made, request, end)
        return time.monotonic() - began


def keep_something_big(shop: ShopClient) -> bytes:
    """The request for it."""
    with line(shop) as made:
        assert pieces(made, b"set big 0 60 %d\r\n%s\r\n" % (BIG, b"x" * BIG)) == [b"STORED\r\n"]
    return b"get big\r\n"


def refused(shop: ShopClient, link: str = LINK) -> bool:
    """Is nobody there?"""
    try:
        with line(shop, link):
            return False
    except ConnectionRefusedError:
        return True


def test_latency_delays_every_answer(linked: ShopClient) -> None:
    linked.set_fault("latency", LINK, latency=1000)
    assert seconds(linked) >= 0.99  # the clock of a poll has milliseconds
    linked.heal()
    assert min(seconds(linked) for _ in range(5)) < 1, "a busy machine may be late now and then"


def test_down_refuses_on_its_own_links_only(linked: ShopClient) -> None:
    linked.set_fault("down", "catalog-1:memcached")
    assert [refused(linked, f"catalog-1:memcached-{n}") for n in (1, 2, 3)] == [True] * 3
    assert not refused(linked, "catalog-2:memcached-1")
    linked.heal()
    assert not refused(linked)


def test_bandwidth_slows_what_is_large(linked: ShopClient) -> None:
    get = keep_something_big(linked)
    linked.set_fault("bandwidth", LINK, rate=20)
    assert seconds(linked, get, b"END\r\n") >= 1.5
    linked.heal()
    assert seconds(linked, get, b"END\r\n") < 1.5


def test_slow_close_keeps_a_connection_that_the_server_has_ended(linked: ShopClient) -> None:
    linked.set_fault("slow_close", LINK, delay=1000)
    assert seconds(linked, b"quit\r\n") >= 1
    linked.heal()
    assert seconds(linked, b"quit\r\n") < 1


def test_timeout_answers_nothing_until_it_is_healed(linked: ShopClient) -> None:
    linked.set_fault("timeout", LINK)
    with line(linked, wait_s=0.7) as made, pytest.raises(TimeoutError):
        pieces(made, VERSION)
    linked.heal()
    assert seconds(linked) < 20


def test_reset_peer_resets_instead_of_answering(linked: ShopClient) -> None:
    linked.set_fault("reset_peer", LINK)
    with line(linked) as made, pytest.raises(ConnectionResetError):
        pieces(made, VERSION)
    linked.heal()
    assert seconds(linked) < 20


def test_slicer_cuts_an_answer_into_many_pieces(linked: ShopClient) -> None:
    get = keep_something_big(linked)
    linked.set_fault("slicer", LINK, average_size=1000, size_variation=100, delay=5000)
    with line(linked) as made:
        crumbs = pieces(made, get, b"END\r\n")
    linked.heal()
    with line(linked) as made:
        whole = pieces(made, get, b"END\r\n")
    assert len(crumbs) > 2 * len(whole)
    assert b"".join(crumbs) == b"".join(whole)


def test_limit_data_breaks_an_answer_off(linked: ShopClient) -> None:
    linked.set_fault("limit_data", LINK, bytes=4)
    with line(linked) as made:
        assert b"".join(pieces(made, VERSION)) == b"VERS"
    linked.heal()
    with line(linked) as made:
        assert b"".join(pieces(made, VERSION)).startswith(b"VERSION ")


def test_toxicity_strikes_a_share_of_the_connections(linked: ShopClient) -> None:
    linked.set_fault("limit_data", LINK, bytes=0, toxicity=0.5)
    answered = 0
    for _ in range(60):
        with line(linked) as made:
            answered += bool(pieces(made, VERSION))
    assert 10 <= answered <= 50


@pytest.mark.parametrize("direction", ["to", "from", "both"])
def test_partition_silences_one_pair_and_nobody_else(linked: ShopClient, direction: str) -> None:
    linked.set_fault("partition", "memcached-1", target="catalog-1", direction=direction)
    with line(linked, wait_s=0.7) as made, pytest.raises(TimeoutError):
        pieces(made, VERSION)
    with line(linked, "catalog-2:memcached-1") as made:
        assert pieces(made, VERSION)
    linked.heal()
    assert seconds(linked) < 20


def test_partition_one_way_lets_the_other_way_through(linked: ShopClient) -> None:
    key = f"lost-{time.monotonic_ns()}".encode()
    linked.set_fault("partition", "catalog-1", target="memcached-1", direction="from")
    with line(linked, wait_s=0.7) as made, pytest.raises(TimeoutError):
        pieces(made, b"set %s 0 60 1\r\nx\r\n" % key)
    with line(linked, "catalog-2:memcached-1") as made:
        assert b"VALUE" in b"".join(pieces(made, b"get %s\r\n" % key, b"END\r\n"))


def test_a_link_that_is_cut_twice_stays_cut_until_both_are_undone(linked: ShopClient) -> None:
    linked.set_fault("down", LINK, for_s=0.5)
    linked.set_fault("cache_down", "memcached-1")
    time.sleep(1.5)
    assert [entry["fault"] for entry in linked.report()["faults"]] == ["cache_down"]
    assert refused(linked)
    linked.heal()
    assert not refused(linked)


def test_heal_takes_away_what_others_put_on_a_link(linked: ShopClient) -> None:
    wire(linked).add_toxic(LINK, {"type": "latency", "attributes": {"latency": 60_000}})
    wire(linked).enable(LINK, False)
    linked.heal()
    assert seconds(linked) < 20
