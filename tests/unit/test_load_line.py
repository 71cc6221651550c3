"""People in line do what they are told, step by step; the shop is this test."""

import json
from random import Random
from typing import Any

import pytest

from labs.load.line import Person
from labs.load.mixes import find


def person() -> Person:
    return Person(Random(1), "pot-020", "10.77.0.1", "a-key")


def place(state: str, **more: Any) -> bytes:
    told = {"state": state, "ticket": "a ticket", "admission": "", "ask_again_s": 4.0}
    return json.dumps(told | more).encode()


def test_where_there_is_no_line_they_buy_and_leave() -> None:
    buyer = person()
    assert buyer.buy().path == "/api/orders"
    assert buyer.bought(201, b"{}") is None and buyer.bought(409, b"{}") is None


@pytest.mark.parametrize("status", [0, 429, 503, 504])
def test_who_gets_no_clear_answer_presses_again_a_little_later_for_the_same_order(status: int) -> None:
    following = person().bought(status, b"")
    assert following and 0.5 <= following[0] <= 1.5
    assert following[1].headers["Idempotency-Key"] == "a-key"


def test_sent_to_the_line_they_take_a_ticket_wait_as_told_and_buy_when_it_is_their_turn() -> None:
    buyer, way = person(), []
    following = buyer.bought(403, b"{}")
    for answer in (place("waiting"), place("waiting", ask_again_s=1.5), place("admitted", admission="an admission")):
        assert following
        way.append((following[0], following[1].method, following[1].path))
        following = buyer.told(200, answer)
    assert following and following[1].headers == {"Idempotency-Key": "a-key", "X-Admission": "an admission"}
    room = "/api/waiting-room/pot-020"
    assert way == [(0.0, "POST", room), (4.0, "GET", room), (1.5, "GET", room)]


def test_told_that_it_is_sold_out_they_leave() -> None:
    assert person().told(200, place("sold_out")) is None


def test_everybody_comes_from_an_address_of_their_own_with_a_key_of_their_own() -> None:
    visits = find("line:pot-020")(Random(1), [])
    crowd = [next(visits)[0].request for _ in range(2000)]
    assert len({each.client for each in crowd}) == len({each.headers["Idempotency-Key"] for each in crowd}) == 2000
