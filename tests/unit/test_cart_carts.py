"""Carts on two of three nodes, while nodes come and go."""

import pytest
from prometheus_client import REGISTRY

from services.cart.carts import COPIES, MOST_LINES, Carts
from services.cart.memory import Memory
from services.common.errors import Conflict, Unavailable
from services.common.placement import ranked
from tests.unit.cache_fakes import FakeNode

ID = "0" * 32
KEY = f"cart:{ID}"


@pytest.fixture
def nodes() -> list[FakeNode]:
    """In this cart's order."""
    return ranked([FakeNode(f"memcached-{i}:11211") for i in (1, 2, 3)], KEY)


@pytest.fixture
def carts(nodes) -> Carts:
    ticks = iter(range(10**9))
    return Carts(nodes, lambda: "cart-1", ttl_s=604800, clock_ms=lambda: next(ticks))


def test_a_cart_is_on_two_nodes(carts, nodes):
    carts.put(ID, "tea-001", 2)
    assert [KEY in node.kept for node in nodes] == [True, True, False]
    assert nodes[0].ttls[KEY] == 604800


def test_every_write_answers_the_whole_cart(carts):
    carts.put(ID, "tea-001", 2)
    assert carts.put(ID, "cup-001", 1) == {"cup-001": 1, "tea-001": 2}
    assert carts.remove(ID, "cup-001") == {"tea-001": 2}
    assert carts.clear(ID) == carts.get(ID) == {}


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_any_one_node_may_be_lost(carts, nodes, lost):
    carts.put(ID, "tea-001", 2)
    nodes[lost].down = True
    assert carts.get(ID) == {"tea-001": 2}
    assert carts.put(ID, "cup-001", 1) == {"cup-001": 1, "tea-001": 2}


def test_a_copy_that_is_lost_is_made_again_by_reading(carts, nodes):
    carts.put(ID, "tea-001", 2)
    nodes[0].kept.clear()
    carts.get(ID)
    nodes[1].down = True
    assert carts.get(ID) == {"tea-001": 2}


def test_a_node_that_comes_back_with_an_old_copy_does_not_undo_anything(carts, nodes):
    carts.put(ID, "tea-001", 2)
    nodes[0].out = True
    carts.put(ID, "tea-001", 5)
    nodes[0].out = False
    assert carts.get(ID) == {"tea-001": 5}


def test_a_writer_that_did_not_see_the_other_does_not_replace_its_write(nodes):
    other = Carts(nodes, lambda: "cart-2", 60)
    there, read_before = nodes[0], nodes[0].get

    def get_then_other_writes(key):
        there.get = read_before
        seen = read_before(key)
        other.put(ID, "cup-001", 1)
        return seen

    there.get = get_then_other_writes
    Carts(nodes, lambda: "cart-1", 60).put(ID, "tea-001", 2)
    assert other.get(ID) == {"cup-001": 1, "tea-001": 2}


def test_with_two_nodes_lost_the_third_is_enough(carts, nodes):
    nodes[0].down = nodes[1].down = True
    assert carts.put(ID, "tea-001", 2) == carts.get(ID) == {"tea-001": 2}


def test_without_any_node_a_cart_is_unavailable_and_says_so(carts, nodes):
    for node in nodes:
        node.down = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            carts.put(ID, "tea-001", 2)


def test_nodes_left_alone_are_asked_when_there_is_no_other(carts, nodes):
    for node in nodes:
        node.out = True
    assert carts.put(ID, "tea-001", 2) == {"tea-001": 2}


@pytest.mark.parametrize(("place", "counted"), [(0, True), (1, True), (2, False)])
def test_it_is_counted_when_one_of_the_carts_own_nodes_is_left_alone(carts, nodes, place, counted):
    def left_alone() -> float:
        return REGISTRY.get_sample_value("shop_degraded_total", {"what": "cart_node_left_alone"}) or 0.0

    before, nodes[place].out = left_alone(), True
    carts.get(ID)
    assert (left_alone() > before) is counted


def test_a_cart_holds_fifty_products(carts):
    for number in range(MOST_LINES):
        carts.put(ID, f"tea-{number:03}", 1)
    with pytest.raises(Conflict):
        carts.put(ID, "cup-001", 1)
    assert carts.put(ID, "tea-001", 9)["tea-001"] == 9


def test_who_insists_on_both_copies_can_read_but_not_write_while_one_is_away(nodes):
    carts = Carts(nodes, lambda: "cart-1", 60, copies=lambda: COPIES["refuse"])
    carts.put(ID, "tea-001", 2)
    nodes[1].out = True
    with pytest.raises(Unavailable, match="0 of the 2"):
        carts.put(ID, "cup-001", 1)
    assert [KEY in node.kept for node in nodes] == [True, True, False]
    assert carts.get(ID) == {"tea-001": 2}
    nodes[1].out = False
    assert carts.put(ID, "cup-001", 1) == {"cup-001": 1, "tea-001": 2}


def test_a_single_copy_is_lost_with_its_node_and_no_write_is_refused(nodes):
    carts = Carts(nodes, lambda: "cart-1", 60, copies=lambda: COPIES["single"])
    carts.put(ID, "tea-001", 2)
    assert [KEY in node.kept for node in nodes] == [True, False, False]
    nodes[0].down = True
    assert carts.put(ID, "cup-001", 1) == {"cup-001": 1}


@pytest.mark.parametrize(("removals_s", "comes_back"), [(60, False), (1, True)])
def test_what_was_removed_comes_back_with_an_old_copy_when_the_removal_is_forgotten(nodes, removals_s, comes_back):
    now_ms = 1_000_000
    carts = Carts(nodes, lambda: "cart-1", 60, lambda: now_ms, removals_s=lambda: removals_s)
    carts.put(ID, "tea-001", 2)
    nodes[0].out = True
    carts.remove(ID, "tea-001")
    now_ms += 5000
    carts.put(ID, "cup-001", 1)
    nodes[0].out = False
    assert carts.get(ID) == {"cup-001": 1} | ({"tea-001": 2} if comes_back else {})


def test_carts_in_memory_are_known_to_their_own_replica_alone():
    first, second = (Carts([Memory()], lambda: "cart", 60) for _ in range(2))
    first.put(ID, "tea-001", 2)
    assert (first.get(ID), second.get(ID)) == ({"tea-001": 2}, {})
    assert first.remove(ID, "tea-001") == {}
