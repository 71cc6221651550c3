"""How keys are spread over cache nodes."""

from collections import Counter

from cache_fakes import FakeNode

from services.common.memcached import ranked, whole_seconds

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


def test_nothing_is_kept_for_ever_by_accident():
    assert (whole_seconds(0.1), whole_seconds(59.6), whole_seconds(10**9)) == (1, 60, 30 * 24 * 3600)
