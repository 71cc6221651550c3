"""Reading off a load's samples who came when and who was served when."""

import pytest

from labs.flash_sale.fairness import journeys, jumped, rank_correlation
from labs.load.sample import Sample


def press(client: str, at_s: float, status: int) -> Sample:
    outcome = "ok" if status == 201 else "http_5xx" if status >= 500 else "http_4xx"
    return Sample(
        intended_s=at_s, what="checkout", client=client, sent_s=at_s, done_s=at_s + 0.1, outcome=outcome, status=status
    )


def test_a_way_goes_from_the_first_press_to_the_one_that_bought_and_being_sent_to_the_line_is_no_press() -> None:
    [person] = journeys([press("a", 9, 201), press("a", 1, 403), press("a", 3, 503)])
    assert (person.arrived_s, person.presses, person.turn_s, person.bought_s) == (1, 2, 9, pytest.approx(9.1))


def test_a_way_through_the_line_begins_there() -> None:
    line = [Sample(intended_s=at_s, what="line", client="a", outcome="ok", status=200) for at_s in (1.5, 4)]
    [person] = journeys([press("a", 1, 403), *line, press("a", 5, 201)])
    assert (person.arrived_s, person.lined_s, person.turn_s) == (1, 1.5, 5)


def test_whose_turn_it_was_had_it_also_when_the_shop_was_busy_then() -> None:
    line = Sample(intended_s=1.5, what="line", client="a", outcome="ok", status=200)
    [person] = journeys([press("a", 1, 403), line, press("a", 5, 503), press("a", 6, 201)])
    assert (person.turn_s, person.bought_s, person.presses) == (5, pytest.approx(6.1), 2)


def test_with_two_buyers_a_piece_jumped_when_its_buyer_is_not_among_the_first_two_to_come() -> None:
    samples = [press("first", 1, 409), press("second", 2, 201), press("third", 3, 201), press("fourth", 4, 409)]
    assert jumped(journeys(samples)) == 1
    assert jumped(journeys(samples[1:])) == 0


def test_the_correlation_tells_a_line_from_a_scramble() -> None:
    people = [float(number) for number in range(50)]
    assert rank_correlation(list(zip(people, [each**2 for each in people], strict=True))) == pytest.approx(1)
    assert rank_correlation(list(zip(people, people[::-1], strict=True))) == pytest.approx(-1)
    assert abs(rank_correlation(list(zip(people, [each * 37 % 50 for each in people], strict=True)))) < 0.5
    assert rank_correlation([(1, 1), (2, 2)]) == 0
