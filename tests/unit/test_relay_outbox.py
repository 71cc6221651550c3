"""How long the relay sends before it writes down what it has sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from services.common.bus import Unroutable
from services.common.errors import TimedOut
from services.relay.outbox import BATCH_S, Outbox, Row


class Table:
    """Database, connection and cursor in one: holds rows that are unsent; `marked` are those that are not any more."""

    def __init__(self, rows: int) -> None:
        self.rows = [Row(n, f"e{n}", "order.placed", {}, "", False) for n in range(rows)]
        self.marked: list[int] = []

    @contextmanager
    def transaction(self) -> Iterator["Table"]:
        yield self

    @contextmanager
    def cursor(self, **_: Any) -> Iterator["Table"]:
        yield self

    def execute(self, statement: str, values: tuple[Any, ...]) -> "Table":
        if statement.startswith("update"):
            self.marked = values[0]
        return self

    def fetchall(self) -> list[Row]:
        return self.rows


class Broker:
    """Takes `s` seconds for each event, and then what `answer` makes of it."""

    def __init__(self, s: float, answer: Callable[[Row], None] = lambda _: None) -> None:
        self.s, self.answer = s, answer
        self.now = 0.0
        self.asked: list[int] = []

    def send(self, row: Row) -> None:
        self.now += self.s
        self.asked.append(row.id)
        self.answer(row)


def forward(table: Table, broker: Broker) -> int:
    return Outbox(table, lambda: broker.now).forward(broker.send, 100)  # type: ignore[arg-type]


def test_a_quick_broker_gets_the_whole_batch() -> None:
    table = Table(100)
    assert forward(table, Broker(0.001)) == len(table.marked) == 100


@pytest.mark.parametrize(("each_s", "sent"), [(0.3, 4), (1.5, 1)])
def test_a_slow_broker_gets_what_fits_into_a_batch_and_that_is_marked(each_s: float, sent: int) -> None:
    table, broker = Table(100), Broker(each_s)
    assert forward(table, broker) == sent
    assert table.marked == broker.asked == list(range(sent))


def test_what_was_sent_before_the_broker_fell_silent_is_marked() -> None:
    def silent_at_2(row: Row) -> None:
        if row.id == 2:
            raise TimedOut("silent")

    table = Table(5)
    with pytest.raises(TimedOut):
        forward(table, Broker(0.1, silent_at_2))
    assert table.marked == [0, 1]


def test_however_long_it_takes_events_that_no_queue_wants_hold_up_none_behind_them() -> None:
    def lost_before_3(row: Row) -> None:
        if row.id < 3:
            raise Unroutable

    table = Table(5)
    assert forward(table, Broker(BATCH_S, lost_before_3)) == 1
    assert table.marked == [3]
