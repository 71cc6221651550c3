"""Numbers from the real table: each one once, in order, whoever asks and whatever restarts; and never on credit. And
what who runs the shop does to it.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from typing import Any

import pytest

from labs.control.lane import HOT_ITEM
from labs.control.sale import PACE, STATUS
from services.common.errors import Refused
from services.waiting_room.sales import Sales
from tests.integration.private_stores import ShopDatabase
from tests.unit.test_waiting_room_line import FakeSales

pytestmark = pytest.mark.servers
Begin = Callable[[float], str]


@pytest.fixture
def sales(shop_database: ShopDatabase) -> Iterator[Sales]:
    with ExitStack() as stack:
        yield Sales(stack.enter_context(shop_database.pools("waiting_room")), at_once=16)


@pytest.fixture
def begin(shop_database: ShopDatabase) -> Iterator[Begin]:
    """Begins a sale at a rate."""

    def make(rate: float) -> str:
        sale = f"thing~{time.time_ns()}"
        with shop_database.admin() as connection:
            query = "insert into waiting_room.sales values (%s, 'thing', 'Thing', 9, %s, 0, 100, 0)"
            connection.execute(query, (sale, rate))
        return sale

    yield make
    with shop_database.admin() as connection:
        connection.execute("delete from waiting_room.sales")


def test_a_crowd_gets_every_number_once_and_a_restart_goes_on_after_the_last(
    sales: Sales, begin: Begin, shop_database: ShopDatabase
) -> None:
    sale = begin(1)
    with ThreadPoolExecutor(16) as crowd:
        taken = list(crowd.map(lambda _: sales.take(sale, 100.0), range(300)))
    assert sorted(each.taken for each in taken if each) == list(range(1, 301))
    with shop_database.pools("waiting_room") as others:
        after = Sales(others).take(sale, 100.0)
    assert after and after.taken == 301


def test_the_table_counts_as_the_arithmetic_says(sales: Sales, begin: Begin) -> None:
    sale = begin(2.0)
    on = sales.on()
    assert on
    fake, moments = FakeSales(on), [100.0, 100.1, 100.2, 107.0, 107.1, 107.2, 200.0]
    assert [sales.take(sale, now) for now in moments] == [fake.take(sale, now) for now in moments]


def test_a_table_that_lost_numbers_learns_which_were_given_and_goes_on_after_them(sales: Sales, begin: Begin) -> None:
    sale = begin(2.0)
    on = sales.on()
    assert on
    fake = FakeSales(on)
    for given, now in ((4, 101.0), (2, 101.5), (9, 120.0)):
        assert sales.take(sale, now, given) == fake.take(sale, now, given)
    for given in (12, 3):
        assert sales.learn(sale, given) == fake.learn(sale, given)
    assert sales.on() == fake.sale and fake.sale and fake.sale.taken == 12


def test_newcomers_whom_the_table_keeps_waiting_leave_threads_to_others(
    begin: Begin, shop_database: ShopDatabase
) -> None:
    sale = begin(1)
    with (
        shop_database.pools("waiting_room") as database,
        shop_database.admin() as holder,
        ThreadPoolExecutor(4) as crowd,
    ):
        sales = Sales(database, at_once=1)
        holder.execute("begin")
        holder.execute("lock table waiting_room.sales in exclusive mode")
        asked = as_completed([crowd.submit(sales.take, sale, 100.0) for _ in range(4)])
        refused = [next(asked).exception() for _ in range(3)]
        assert sales.on()
        holder.execute("rollback")
        after = next(asked).result()
    assert all(isinstance(each, Refused) for each in refused) and after and after.taken == 1


def test_an_ended_sale_gives_no_number(sales: Sales, begin: Begin, shop_database: ShopDatabase) -> None:
    sale = begin(1)
    with shop_database.admin() as connection:
        connection.execute("update waiting_room.sales set ended_at = now()")
    assert sales.take(sale, 100.0) is None
    assert sales.on() is None


def test_there_is_one_sale_at_a_time(begin: Begin) -> None:
    begin(1)
    with pytest.raises(Exception, match="one_at_a_time"):
        begin(1)


def status(shop_database: ShopDatabase, now: float) -> Any:
    """What `sale status` says of numbers admitted and of the lane."""
    with shop_database.admin() as connection:
        found = connection.execute(f"select admitted, lane from ({STATUS}) as status", {"now": now})
        return found.fetchone()


def test_a_clock_that_was_set_back_sends_nobody_out_again(
    sales: Sales, begin: Begin, shop_database: ShopDatabase
) -> None:
    sale = begin(1)
    for _ in range(9):
        sales.take(sale, 100.0)
    with shop_database.admin() as connection:
        connection.execute(PACE, {"now": 105.0, "rate": 2.0})
        assert status(shop_database, 95.0) == (5, False)
        connection.execute(PACE, {"now": 95.0, "rate": 0.0})
    assert status(shop_database, 95.0) == (5, False)


@pytest.mark.parametrize(("leads", "its_own"), [("", True), ("thing", True), ("other", False)])
def test_a_lane_is_the_sales_until_it_is_given_to_another_item(
    begin: Begin, shop_database: ShopDatabase, leads: str, its_own: bool
) -> None:
    begin(1)
    settings = f'{{"{HOT_ITEM}": "{leads}"}}' if leads else "{}"
    with shop_database.admin() as connection:
        connection.execute("update waiting_room.sales set lane = true")
        connection.execute("insert into flags.document (version, settings) values (1, %s)", (settings,))
        try:
            assert status(shop_database, 100.0) == (0, its_own)
        finally:
            connection.execute("delete from flags.document")
