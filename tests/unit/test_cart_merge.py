"""Carts merge to the same whatever the order; what that means for what a shopper sees."""

from hypothesis import given
from hypothesis import strategies as st

from services.cart.merge import Line, decode, encode, items, merge, without_old_tombstones, written

LINES = st.builds(Line, st.integers(0, 5), st.sampled_from(["cart-1", "cart-2"]), st.integers(0, 3))
CARTS = st.dictionaries(st.sampled_from(["tea-001", "cup-001", "pot-001"]), LINES)


@given(CARTS, CARTS)
def test_merging_is_commutative(a, b):
    assert merge(a, b) == merge(b, a)


@given(CARTS, CARTS, CARTS)
def test_merging_is_associative(a, b, c):
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == merge(a, b, c)


@given(CARTS)
def test_merging_is_idempotent(a):
    assert merge(a, a) == merge(a) == a


@given(CARTS, CARTS)
def test_nothing_is_lost_by_merging_but_older_lines(a, b):
    merged = merge(a, b)
    assert merged.keys() == a.keys() | b.keys()
    assert all(merged[sku] >= line for cart in (a, b) for sku, line in cart.items())


@given(CARTS, CARTS, st.integers(-10, 10))
def test_a_write_wins_over_all_the_writer_has_seen_even_with_a_clock_that_lags(a, b, now_ms):
    seen = merge(a, b)
    after = written(seen, {"tea-001": 3}, "cart-0", now_ms)
    assert merge(after, a, b)["tea-001"].quantity == 3


@given(CARTS, CARTS)
def test_equal_carts_are_equal_bytes(a, b):
    assert encode(merge(a, b)) == encode(merge(b, a))
    assert decode(encode(a)) == a


def test_items_added_on_two_sides_are_both_there():
    left, right = written({}, {"tea-001": 1}, "cart-1", 10), written({}, {"cup-001": 2}, "cart-2", 10)
    assert items(merge(left, right)) == {"cup-001": 2, "tea-001": 1}


def test_a_removed_item_does_not_come_back_from_an_older_copy():
    before = written({}, {"tea-001": 1}, "cart-1", 10)
    after = written(before, {"tea-001": 0}, "cart-2", 11)
    assert items(merge(before, after)) == {}


def test_a_removed_item_comes_back_when_its_tombstone_is_lost():
    before = written({}, {"tea-001": 1}, "cart-1", 10)
    after = without_old_tombstones(written(before, {"tea-001": 0}, "cart-1", 11), before_ms=100)
    assert items(merge(before, after)) == {"tea-001": 1}


def test_only_the_newest_hundred_removals_are_remembered():
    many = {f"tea-{i:03}": Line(i, "cart-1", 0) for i in range(150)}
    kept = without_old_tombstones({**many, "cup-001": Line(0, "cart-1", 1)}, before_ms=0)
    assert len(kept) == 101 and "tea-149" in kept and "tea-049" not in kept and "cup-001" in kept
