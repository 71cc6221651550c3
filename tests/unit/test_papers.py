"""Tickets and admissions: what we wrote can be read, and nothing else whatever it looks like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.papers import Forged, Paper, Papers, sku_of

PAPERS = Papers("a secret")
TICKET = Paper("ticket", "pot-020~1795764000", 17, "9f2c6a01d4e8b377")
ADMISSION = TICKET._replace(kind="admission", until_s=1795764150)


@given(st.integers(1, 10**9), st.integers(0, 2**40))
def test_what_was_written_is_read_back(number: int, until_s: int) -> None:
    paper = ADMISSION._replace(number=number, until_s=until_s)
    assert PAPERS.read("admission", PAPERS.write(paper)) == paper


@given(st.data())
def test_no_changed_character_gets_through(data: st.DataObject) -> None:
    text = PAPERS.write(ADMISSION)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda letter: letter != text[place]))
    with pytest.raises(Forged):
        PAPERS.read("admission", text[:place] + other + text[place + 1 :])


@given(st.text(max_size=120))
def test_nothing_that_somebody_makes_up_gets_through(text: str) -> None:
    for attempt in (text, f"admission.{text}", f"admission.pot-020~1.1.x.9.{text}"):
        with pytest.raises(Forged):
            PAPERS.read("admission", attempt)


def test_a_piece_of_a_paper_is_none() -> None:
    text = PAPERS.write(TICKET)
    for end in range(len(text)):
        with pytest.raises(Forged):
            PAPERS.read("ticket", text[:end])


def test_a_ticket_is_no_admission_and_the_other_way_round() -> None:
    with pytest.raises(Forged):
        PAPERS.read("admission", PAPERS.write(TICKET))
    with pytest.raises(Forged):
        PAPERS.read("ticket", PAPERS.write(ADMISSION))


def test_who_does_not_know_the_secret_writes_nothing_that_counts() -> None:
    with pytest.raises(Forged):
        PAPERS.read("ticket", Papers("another secret").write(TICKET))


def test_a_sale_is_called_by_its_item() -> None:
    assert sku_of(TICKET.sale) == "pot-020" and sku_of("") == ""
