"""What a cache node is told."""

from services.common.memcached import whole_seconds


def test_nothing_is_kept_for_ever_by_accident():
    assert (whole_seconds(0.1), whole_seconds(59.6), whole_seconds(10**9)) == (1, 60, 30 * 24 * 3600)
