"""How keys are spread over cache nodes."""

from collections import Counter

import pytest

from services.common.placement import PLACEMENTS, chosen, modulo, ranked, rendezvous
from tests.unit.cache_fakes import FakeNode

NODES = [FakeNode(f"memcached-{i}:11211") for i in (1, 2, 3)]
KEYS = [f"catalog:product:tea-{i:03}" for i in range(3000)]


def test_keys_are_spread_evenly():
    first = Counter(ranked(NODES, key)[0].address for key in KEYS)
    assert all(850 < share < 1150 for share in first.values())


def test_without_a_node_only_its_own_keys_move():
    for key in KEYS:
        rank = ranked(NODES, key)
        rest = [node for node in NODES if node is not rank[0]]
        assert ranked(rest, key) == rank[1:]


def test_the_keys_of_a_lost_node_are_spread_over_all_others():
    second = Counter(rank[1].address for rank in (ranked(NODES, key) for key in KEYS) if rank[0] is NODES[0])
    assert min(second.values()) > 300


def test_the_order_of_the_nodes_in_the_settings_does_not_matter():
    assert all(ranked(NODES, key) == ranked(NODES[::-1], key) for key in KEYS[:50])


def moved(place, lose: FakeNode) -> float:
    """The share of keys that another node keeps once one is lost."""
    before = {key: place(key) for key in KEYS}
    lose.out = True
    after = {key: place(key) for key in KEYS}
    lose.out = False
    return sum(before[key] is not after[key] for key in KEYS) / len(KEYS)


@pytest.mark.parametrize("lost", NODES, ids=lambda node: node.address)
def test_modulo_moves_all_keys_but_one_in_n_and_rendezvous_one_in_n(lost):
    assert moved(modulo(NODES), lost) == pytest.approx(2 / 3, abs=0.04)
    assert moved(rendezvous(NODES), lost) == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_placement_spreads_evenly_and_has_no_place_without_nodes(placement):
    place = PLACEMENTS[placement](NODES)
    assert all(850 < kept < 1150 for kept in Counter(place(key).address for key in KEYS).values())
    assert PLACEMENTS[placement]([])("key") is None


def test_the_placement_may_change_from_one_look_to_the_next():
    name = "modulo"
    place = chosen(NODES, lambda: name)
    by_modulo = [place(key) for key in KEYS[:50]]
    name = "rendezvous"
    assert [place(key) for key in KEYS[:50]] == [ranked(NODES, key)[0] for key in KEYS[:50]] != by_modulo
