import pytest

from labs.caching.counting import grown

LOOKS = [(10.0, 100.0), (12.0, 104.0), (14.0, 104.0)]


@pytest.mark.parametrize(
    ("begin", "end", "by"), [(10, 14, 4), (10, 11, 2), (11, 12, 2), (12, 14, 0), (8, 11, 2), (13, 99, 0)]
)
def test_a_counter_grows_in_a_straight_line_between_two_looks(begin: float, end: float, by: float) -> None:
    assert grown(LOOKS, begin, end) == pytest.approx(by)
