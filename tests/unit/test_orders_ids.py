"""What orders are called."""

import re

from services.orders.ids import ids


def test_a_key_makes_one_id_whoever_makes_it_and_another_key_another() -> None:
    assert ids("a secret")("k") == ids("a secret")("k") != ids("a secret")("l")


def test_an_id_fits_wherever_one_is_asked_for_and_says_nothing_without_the_secret() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", ids("a secret")("any~key! at all"))
    assert ids("a secret")("k") != ids("another")("k")
