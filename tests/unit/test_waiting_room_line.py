"""The line, with a clock and a sale of our own: who comes in when, and who stands where."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import Forbidden, NotFound, ShopError, Unavailable
from services.common.papers import Papers
from services.waiting_room.line import Line
from services.waiting_room.sales import Sale
from services.waiting_room.stock import Stock

PAPERS = Papers("a secret")
SALE = Sale(sale_id="pot-020~100", sku="pot-020", name="A pot", stock=100, rate=2.0, base=0, since=100.0, taken=0)


class FakeSales:
    """One sale in memory, which takes numbers as the table's statement does."""

    def __init__(self, sale: Sale | None = SALE) -> None:
        self.sale, self.away = sale, False

    def on(self) -> Sale | None:
        if self.away:
            raise Unavailable("away")
        return self.sale

    def take(self, sale_id: str, now: float, given: int = 0) -> Sale | None:
        if self.away:
            raise Unavailable("away")
        assert self.sale
        number = max(self.sale.taken, given) + 1
        empty = self.sale.base + self.sale.rate * (now - self.sale.since) >= number
        moved = {"base": float(number), "since": now} if empty else {}
        self.sale = replace(self.sale, taken=number, **moved)
        return self.sale

    def learn(self, sale_id: str, given: int) -> Sale | None:
        assert self.sale
        self.sale = replace(self.sale, taken=max(self.sale.taken, given))
        return self.sale

    def fail_over(self, lost: int, rate: float = SALE.rate) -> None:
        """Another server goes on, which has not heard of the last numbers; then the sale is given another rate."""
        assert self.sale
        self.sale = replace(self.sale, taken=self.sale.taken - lost, rate=rate)


class FakeStock:
    def __init__(self) -> None:
        self.pieces, self.all_paid = 100, False

    def left(self, sale: Sale) -> int | None:
        return self.pieces

    def gone(self, sale: Sale) -> bool:
        return self.all_paid


class Room:
    """A line whose clock stands until it is moved."""

    def __init__(self) -> None:
        self.now, self.sales, self.stock = 100.0, FakeSales(), FakeStock()
        self.line = Line(self.sales, self.stock, PAPERS, hold_s=120, clock=lambda: self.now)
        self.line.refresh()

    def come(self, people: int = 1) -> list[str]:
        """The tickets of so many people, who all come now."""
        tickets = [self.line.join("pot-020", "")[0].ticket for _ in range(people)]
        self.line.refresh()
        return tickets

    def state(self, ticket: str) -> str:
        return self.line.look("pot-020", ticket).state


def test_people_who_come_at_once_get_numbers_in_their_order_and_come_in_at_the_rate() -> None:
    room = Room()
    tickets = room.come(10)
    turns = []
    for tenth in range(100):
        room.now = 100 + tenth / 10
        turns.append(sum(room.state(ticket) == "admitted" for ticket in tickets))
    assert turns[9:50:10] == [1, 3, 5, 7, 9]
    assert turns == sorted(turns)


def test_a_reload_keeps_the_place_and_a_lost_ticket_means_the_end_of_the_line() -> None:
    room = Room()
    first, *_ = room.come(5)
    again, new = room.line.join("pot-020", first)
    fresh, _ = room.line.join("pot-020", "")
    assert (again.number, new) == (1, False) and fresh.number == 6


def test_a_restarted_room_knows_everybodys_place() -> None:
    room = Room()
    tickets = room.come(5)
    restarted = Line(room.sales, room.stock, PAPERS, hold_s=120, clock=lambda: room.now)
    restarted.refresh()
    assert [restarted.look("pot-020", ticket).number for ticket in tickets] == [1, 2, 3, 4, 5]
    assert restarted.join("pot-020", "")[0].number == 6


def test_nobody_comes_in_on_the_credit_of_a_quiet_hour() -> None:
    room = Room()
    room.now += 3600
    assert [room.state(ticket) for ticket in room.come(4)] == ["admitted", "waiting", "waiting", "waiting"]


def test_nor_at_a_replica_that_has_not_looked_at_the_sale_since() -> None:
    room = Room()
    other = Line(room.sales, room.stock, PAPERS, hold_s=120, clock=lambda: room.now)
    other.refresh()
    room.now += 60
    tickets = room.come(30)
    assert {other.look("pot-020", ticket).state for ticket in tickets[1:]} == {"waiting"}
    other.refresh()
    room.now += 60
    assert {other.look("pot-020", ticket).state for ticket in tickets} == {"admitted"}


def test_who_has_just_come_is_not_let_in_by_an_old_look_at_the_sale() -> None:
    room = Room()
    room.now += 60
    tickets = [room.line.join("pot-020", "")[0].ticket for _ in range(3)]
    assert [room.state(ticket) for ticket in tickets] == ["admitted", "waiting", "waiting"]


def test_after_a_failover_that_lost_numbers_the_line_still_obeys_the_table() -> None:
    room = Room()
    tickets = room.come(52)
    room.sales.fail_over(lost=4, rate=0.0)
    room.line.refresh()
    standing = room.line.look("pot-020", tickets[-1])
    assert (standing.state, standing.wait_s) == ("waiting", None)
    assert room.sales.on() == replace(SALE, taken=52, rate=0.0)


def test_and_nobody_gets_the_number_of_somebody_else() -> None:
    room = Room()
    room.come(52)
    room.sales.fail_over(lost=4)
    assert room.line.join("pot-020", "")[0].number == 53


def test_nor_does_a_room_that_is_restarted_then_forget_who_shows_a_ticket() -> None:
    room = Room()
    tickets = room.come(52)
    room.sales.fail_over(lost=4)
    restarted = Line(room.sales, room.stock, PAPERS, hold_s=120, clock=lambda: room.now)
    restarted.refresh()
    room.now += 60
    assert restarted.look("pot-020", tickets[-1]).state == "waiting"
    restarted.refresh()
    assert [restarted.look("pot-020", ticket).state for ticket in tickets] == ["admitted"] * 52
    assert restarted.join("pot-020", "")[0].number == 53


def test_a_look_that_a_newcomer_has_overtaken_does_not_count() -> None:
    room = Room()
    room.now += 60
    overtaken, tickets = room.sales.on(), list[str]()

    def slow() -> Sale | None:
        tickets.append(room.line.join("pot-020", "")[0].ticket)
        return overtaken

    room.sales.on = slow  # type: ignore[method-assign]
    room.line.refresh()
    assert room.state(tickets[0]) == "admitted"


def test_who_is_late_still_comes_in() -> None:
    room = Room()
    [ticket] = room.come()
    room.now += 3600
    assert room.state(ticket) == "admitted"


def test_the_wait_that_is_told_is_the_wait_that_comes() -> None:
    room = Room()
    ticket = room.come(21)[-1]
    wait_s = room.line.look("pot-020", ticket).wait_s
    assert wait_s == pytest.approx(10.5)
    room.now += wait_s - 0.01
    assert room.state(ticket) == "waiting"
    room.now += 0.02
    assert room.state(ticket) == "admitted"


def test_while_nobody_is_let_in_nobody_is_told_when() -> None:
    room = Room()
    room.sales.sale = replace(SALE, rate=0.0)
    room.line.refresh()
    standing = room.line.look("pot-020", room.come(3)[2])
    assert (standing.state, standing.wait_s, standing.ask_again_s) == ("waiting", None, 2)


def test_a_long_line_is_told_to_ask_less_often_and_whose_turn_is_near_to_come_then() -> None:
    room = Room()
    room.sales.sale = replace(SALE, taken=1999, rate=20.0)
    room.line.refresh()
    last = room.line.join("pot-020", "")[0]
    room.now = 100 + 2000 / 20 - 3
    assert (last.ask_again_s, room.line.look("pot-020", last.ticket).ask_again_s) == (10, pytest.approx(3))


def test_an_admission_names_the_ticket_and_ends() -> None:
    room = Room()
    [ticket] = room.come()
    room.now += 1
    admission = PAPERS.read("admission", room.line.look("pot-020", ticket).admission)
    assert admission[1:] == (*PAPERS.read("ticket", ticket)[1:4], 221)


def test_when_everything_is_paid_for_all_are_told_whether_it_is_their_turn_or_not() -> None:
    room = Room()
    tickets = room.come(5)
    room.now, room.stock.all_paid = 101.0, True
    standings = [room.line.look("pot-020", ticket) for ticket in tickets]
    assert {standing.state for standing in standings} == {"sold_out"}
    assert {standing.admission for standing in standings} == {""}


def test_while_the_database_is_away_those_in_line_move_on_and_newcomers_are_told_to_come_again() -> None:
    room = Room()
    ticket = room.come(2)[1]
    room.sales.away = True
    room.line.refresh()
    room.now += 2
    assert room.state(ticket) == "admitted"
    with pytest.raises(Unavailable):
        room.line.join("pot-020", "")


def test_a_room_that_starts_while_the_database_is_away_does_not_say_that_there_is_no_sale() -> None:
    room = Room()
    [ticket] = room.come()
    room.sales.away = True
    restarted = Line(room.sales, room.stock, PAPERS, hold_s=120, clock=lambda: room.now)
    restarted.refresh()
    with pytest.raises(Unavailable):
        restarted.look("pot-020", ticket)


def test_a_forged_ticket_is_refused_and_one_of_an_earlier_sale_is_worth_nothing() -> None:
    room = Room()
    [ticket] = room.come()
    with pytest.raises(Forbidden):
        room.line.look("pot-020", ticket.replace(".1.", ".0."))
    room.sales.sale = replace(SALE, sale_id="pot-020~200")
    room.line.refresh()
    with pytest.raises(Forbidden):
        room.line.look("pot-020", ticket)
    assert room.line.join("pot-020", ticket)[1]


def test_there_is_no_line_for_what_is_not_on_sale() -> None:
    with pytest.raises(NotFound):
        Room().line.join("tea-001", "")


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40), st.floats(0.1, 10))
def test_however_they_come_they_are_admitted_in_order_and_never_faster_than_the_rate(
    pauses: list[float], rate: float
) -> None:
    sales, now, turns = FakeSales(replace(SALE, rate=rate)), 100.0, []
    for number, pause in enumerate(pauses, start=1):
        now += pause
        sale = sales.take(SALE.sale_id, now)
        assert sale and sale.taken == number
        wait_s = sale.wait_s(number, now)
        assert wait_s is not None
        turns.append(now + wait_s)
    assert all(after - before >= 1 / rate - 1e-6 for before, after in pairwise(turns))


class FakePeers:
    def __init__(self) -> None:
        self.answer: dict[str, int] | ShopError = {"left": 0, "reserved": 1}

    def get(self, path: str, *, total_s: float | None = None) -> dict[str, int]:
        if isinstance(self.answer, ShopError):
            raise self.answer
        return self.answer


def test_sold_out_is_said_when_the_last_piece_is_paid_for_and_of_this_sale_alone() -> None:
    peers = FakePeers()
    stock = Stock(peers, lambda: SALE)  # type: ignore[arg-type]
    seen = []
    for answer in ({"left": 0, "reserved": 1}, {"left": 0, "reserved": 0}, Unavailable("away")):
        peers.answer = answer
        stock.look()
        seen.append(stock.gone(SALE))
    assert seen == [False, True, True]
    assert (stock.left(SALE), stock.left(replace(SALE, sale_id="pot-020~200"))) == (0, None)
    assert not stock.gone(replace(SALE, sale_id="pot-020~200"))
