"""The stock tables in a real Postgres: nothing is sold twice, nothing is lost, whatever the strategy (but one)."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle

import pytest

from services.common.db import Database
from services.common.errors import Conflict, NotFound
from services.inventory.shelf import Line, OutOfStock, lay_out
from services.inventory.stock import Level, Stock
from services.inventory.strategies import STRATEGIES, Strategy
from services.inventory.strategies.buckets import BUCKETS
from services.inventory.sweeper import sweep
from tests.integration.private_stores import ShopDatabase

pytestmark = pytest.mark.servers
SAFE = ("row_lock", "conditional", "buckets")
Open = Callable[[float], Stock]


@pytest.fixture(scope="module")
def database(shop_database: ShopDatabase) -> Iterator[Database]:
    with shop_database.pools("inventory") as database:
        yield database


@pytest.fixture(params=SAFE)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return STRATEGIES[request.param]


@pytest.fixture
def open_stock(database: Database, strategy: Strategy) -> Open:
    """The stock with reservations that hold for so many seconds."""
    return lambda ttl_s: Stock(database, ttl_s, lambda: strategy)


@pytest.fixture
def stock(open_stock: Open) -> Stock:
    return open_stock(60)


@pytest.fixture
def item(shop_database: ShopDatabase) -> Callable[[int], str]:
    """Makes an item with so many pieces."""

    def make(pieces: int) -> str:
        sku = f"item-{uuid.uuid4().hex[:12]}"
        with shop_database.admin() as connection:
            query = "insert into inventory.stock (sku, stock, available) values (%s, %s, %s)"
            connection.execute(query, (sku, pieces, pieces))
        return sku

    return make


def new_key() -> str:
    return uuid.uuid4().hex


def test_two_hundred_buyers_of_twenty_pieces_get_exactly_twenty(stock: Stock, item: Callable[[int], str]) -> None:
    sku = item(20)

    def buy(_: int) -> int:
        key = new_key()
        try:
            stock.reserve(key, [Line(sku, 1)])
        except OutOfStock:
            return 0
        stock.commit(key)
        return 1

    with ThreadPoolExecutor(16) as buyers:
        assert sum(buyers.map(buy, range(200))) == 20
    assert stock.level(sku) == Level(sku, 20, 0, 20, 0)


def test_orders_of_the_same_items_in_different_order_never_wait_in_a_circle(
    stock: Stock, item: Callable[[int], str]
) -> None:
    skus = sorted(item(1000) for _ in range(3))

    def buy(number: int) -> None:
        turned = skus[number % 3 :] + skus[: number % 3]
        key = new_key()
        stock.reserve(key, [Line(sku, 1) for sku in turned])
        (stock.commit if number % 2 else stock.release)(key)

    with ThreadPoolExecutor(8) as buyers:
        list(buyers.map(buy, range(120)))
    assert [stock.level(sku).sold for sku in skus] == [60, 60, 60]


def test_all_lines_are_held_or_none(stock: Stock, item: Callable[[int], str]) -> None:
    plenty, scarce = item(10), item(1)
    with pytest.raises(OutOfStock) as refused:
        stock.reserve(new_key(), [Line(plenty, 2), Line(scarce, 2)])
    assert refused.value.extra == {"sku": scarce, "state": "refused"}
    assert stock.level(plenty).left == 10


def test_the_same_key_holds_once_even_when_asked_by_many_at_once(stock: Stock, item: Callable[[int], str]) -> None:
    sku, key = item(10), new_key()
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: stock.reserve(key, [Line(sku, 3)]), range(12)))
    assert [new for _, new in results].count(True) == 1
    assert stock.level(sku).reserved == 3


def test_the_same_key_for_other_items_is_refused(stock: Stock, item: Callable[[int], str]) -> None:
    sku, key = item(10), new_key()
    stock.reserve(key, [Line(sku, 3)])
    with pytest.raises(Conflict):
        stock.reserve(key, [Line(sku, 4)])


def test_who_was_refused_stays_refused_under_that_key_and_hears_of_nothing_that_is_there_by_now(
    stock: Stock, item: Callable[[int], str], shop_database: ShopDatabase
) -> None:
    sku, key = item(1), new_key()
    for short in (sku, ""):
        with pytest.raises(OutOfStock) as refused:
            stock.reserve(key, [Line(sku, 2)])
        assert refused.value.extra == {"sku": short, "state": "refused"}
        with shop_database.admin() as connection:
            connection.execute("update inventory.stock set stock = 9, available = 9 where sku = %s", (sku,))


def test_who_was_refused_hears_again_of_what_there_was_not_enough(stock: Stock, item: Callable[[int], str]) -> None:
    lines = [Line(sku, 2) for sku in sorted((item(10), item(10)))]
    key, short = new_key(), lines[1].sku
    stock.reserve(new_key(), [Line(short, 9)])
    for _ in range(2):
        with pytest.raises(OutOfStock) as refused:
            stock.reserve(key, lines)
        assert refused.value.extra["sku"] == short


def test_an_item_that_does_not_exist_is_out_of_stock_and_has_no_level(stock: Stock) -> None:
    with pytest.raises(OutOfStock):
        stock.reserve(new_key(), [Line("no-such-item", 1)])
    with pytest.raises(NotFound):
        stock.level("no-such-item")


def test_what_is_overdue_comes_back_and_may_be_taken_again(open_stock: Open, item: Callable[[int], str]) -> None:
    hasty, sku, key = open_stock(0), item(5), new_key()
    hasty.reserve(key, [Line(sku, 5)])
    sweep(hasty)
    assert hasty.level(sku).left == 5
    with pytest.raises(Conflict) as late:
        hasty.commit(key)
    assert late.value.extra["state"] == "expired"
    patient = open_stock(60)
    again, new = patient.reserve(key, [Line(sku, 5)])
    assert again.state == "held" and new
    assert patient.commit(key).state == "committed"


def test_an_expired_reservation_that_finds_nothing_left_stays_expired(
    open_stock: Open, item: Callable[[int], str]
) -> None:
    hasty, sku, key = open_stock(0), item(5), new_key()
    hasty.reserve(key, [Line(sku, 5)])
    sweep(hasty)
    open_stock(60).reserve(new_key(), [Line(sku, 1)])
    with pytest.raises(OutOfStock) as refused:
        hasty.reserve(key, [Line(sku, 5)])
    assert refused.value.extra["state"] == "expired"
    assert hasty.level(sku) == Level(sku, 5, 1, 0, 4)


def test_several_sweepers_take_every_reservation_back_once(open_stock: Open, item: Callable[[int], str]) -> None:
    hasty, sku = open_stock(0), item(40)
    for _ in range(40):
        hasty.reserve(new_key(), [Line(sku, 1)])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sweep(hasty), range(4)))
    assert hasty.level(sku) == Level(sku, 40, 0, 0, 40)


def test_what_is_sold_never_expires(open_stock: Open, item: Callable[[int], str]) -> None:
    hasty, sku, key = open_stock(0), item(5), new_key()
    hasty.reserve(key, [Line(sku, 5)])
    hasty.commit(key)
    sweep(hasty)
    assert hasty.commit(key).state == "committed"
    assert hasty.level(sku).sold == 5


@pytest.mark.parametrize("sold", [False, True])
def test_releasing_gives_back_what_was_held_or_sold(stock: Stock, item: Callable[[int], str], sold: bool) -> None:
    sku, key = item(5), new_key()
    stock.reserve(key, [Line(sku, 2)])
    if sold:
        stock.commit(key)
    assert [stock.release(key).state for _ in range(2)] == ["released", "released"]
    assert stock.level(sku) == Level(sku, 5, 0, 0, 5)


def test_what_was_released_before_it_was_asked_for_is_never_held(stock: Stock, item: Callable[[int], str]) -> None:
    sku, key = item(5), new_key()
    stock.release(key)
    with pytest.raises(OutOfStock) as late:
        stock.reserve(key, [Line(sku, 1)])
    assert late.value.extra["state"] == "released"
    with pytest.raises(Conflict):
        stock.commit(key)


def test_commit_and_release_at_the_same_time_leave_the_sum_right(stock: Stock, item: Callable[[int], str]) -> None:
    sku = item(30)
    for _ in range(10):
        key, go = new_key(), threading.Barrier(2)
        stock.reserve(key, [Line(sku, 1)])

        def race(settle: Callable[[str], object], key: str = key, go: threading.Barrier = go) -> None:
            go.wait()
            try:
                settle(key)
            except Conflict:
                pass

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(race, [stock.commit, stock.release]))
    assert stock.level(sku) == Level(sku, 30, 0, 0, 30)


def bought_by(stock: Stock, sku: str, quantity: int = 1) -> int:
    """What one more buyer gets, and pays: so many pieces, or none."""
    key = new_key()
    try:
        stock.reserve(key, [Line(sku, quantity)])
    except OutOfStock:
        return 0
    stock.commit(key)
    return quantity


def both_look_before_either_takes(database: Database, strategy: Strategy) -> Stock:
    """A shop in which two buyers decide at the same moment, if they can be made to."""
    meet = threading.Barrier(2)

    def decide() -> None:
        try:
            meet.wait(timeout=1)
        except threading.BrokenBarrierError:
            pass  # the other one waits for a lock that this one holds

    return Stock(database, 60, lambda: strategy, decide)


def test_naive_sells_the_last_piece_to_both_who_looked_before_either_took(
    database: Database, item: Callable[[int], str]
) -> None:
    sku, stock = item(1), both_look_before_either_takes(database, STRATEGIES["naive"])
    with ThreadPoolExecutor(2) as buyers:
        assert sum(buyers.map(lambda _: bought_by(stock, sku), range(2))) == 2
    assert stock.level(sku) == Level(sku, 1, 0, 2, -1)


def test_no_other_strategy_sells_the_last_piece_twice_when_both_decide_at_once(
    database: Database, strategy: Strategy, item: Callable[[int], str]
) -> None:
    sku, stock = item(1), both_look_before_either_takes(database, strategy)
    with ThreadPoolExecutor(2) as buyers:
        assert sum(buyers.map(lambda _: bought_by(stock, sku), range(2))) == 1
    assert stock.level(sku) == Level(sku, 1, 0, 1, 0)


def test_what_lies_in_other_buckets_is_found_before_it_is_sold_out(
    database: Database, stock: Stock, item: Callable[[int], str]
) -> None:
    sku = item(20)
    spread(database, sku)
    assert [bought_by(stock, sku, quantity) for quantity in (1, 15, 5, 3, 1, 1)] == [1, 15, 0, 3, 1, 0]
    assert stock.level(sku) == Level(sku, 20, 0, 20, 0)


def spread(database: Database, sku: str) -> None:
    """Lay an item's pieces out as a rush does."""
    with database.transaction() as connection:
        lay_out(connection, Line(sku, 1), BUCKETS)


def test_strategies_may_be_mixed_and_switched_while_buyers_come_and_go(
    database: Database, item: Callable[[int], str]
) -> None:
    sku, turns = item(60), cycle([STRATEGIES[name] for name in SAFE])
    stock, hasty = Stock(database, 60, lambda: next(turns)), Stock(database, 0, lambda: next(turns))

    def come(number: int) -> int:
        if number % 3 == 0:
            with suppress(OutOfStock):
                hasty.reserve(new_key(), [Line(sku, 1)])
            sweep(hasty)
        return bought_by(stock, sku, 1 + number % 2)

    with ThreadPoolExecutor(6) as buyers:
        bought = sum(buyers.map(come, range(120)))
    sweep(hasty)
    bought += sum(bought_by(stock, sku) for _ in range(10))
    assert bought == 60
    assert stock.level(sku) == Level(sku, 60, 0, 60, 0)


def test_pieces_from_any_bucket_come_back_to_it(
    database: Database, item: Callable[[int], str], shop_database: ShopDatabase
) -> None:
    sku, stock = item(32), Stock(database, 60, lambda: STRATEGIES["buckets"])
    spread(database, sku)
    shelf, keys = pieces_by_bucket(shop_database, sku), [new_key() for _ in range(32)]
    for key in keys:
        stock.reserve(key, [Line(sku, 1)])
    assert stock.level(sku) == Level(sku, 32, 32, 0, 0)
    for key in keys:
        stock.release(key)
    assert pieces_by_bucket(shop_database, sku) == shelf
    assert len(shelf) == BUCKETS and min(shelf) > 0


def pieces_by_bucket(shop_database: ShopDatabase, sku: str) -> list[int]:
    with shop_database.admin() as connection:
        query = "select available from inventory.stock where sku = %s order by bucket"
        return [row[0] for row in connection.execute(query, (sku,)).fetchall()]  # type: ignore[misc]
