"""How long a statement may take is what the settings say, neither less nor more; so is the wait for a lock."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.errors import IdleInTransactionSessionTimeout

from services.common.errors import TimedOut, Unavailable
from tests.integration.private_stores import ShopDatabase

pytestmark = pytest.mark.servers

LOCK = "lock table attempts in access exclusive mode"


def sleep(shop_database: ShopDatabase, statement_s: float, seconds: float) -> None:
    with (
        shop_database.pools("orders", db_statement_s=statement_s) as database,
        database.transaction() as connection,
    ):
        connection.execute("select pg_sleep(%s)", (seconds,))


def test_a_statement_may_take_as_long_as_it_was_given(shop_database: ShopDatabase) -> None:
    sleep(shop_database, statement_s=30, seconds=3)


def test_a_statement_that_takes_longer_ends_as_timed_out(shop_database: ShopDatabase) -> None:
    with pytest.raises(TimedOut):
        sleep(shop_database, statement_s=0.2, seconds=10)


def test_who_waits_in_vain_for_a_lock_is_told_that_nothing_happened(shop_database: ShopDatabase) -> None:
    with shop_database.pools("orders", db_lock_s=0.2) as database, database.transaction() as holder:
        holder.execute(LOCK)
        with pytest.raises(Unavailable), database.transaction() as connection:
            connection.execute(LOCK)


def test_a_lock_that_a_frozen_transaction_holds_is_let_go_of_soon(shop_database: ShopDatabase) -> None:
    """Who rests within a transaction for two seconds is thrown out."""
    with (
        shop_database.pools("orders") as others,  # they wait for a lock for 10 s
        shop_database.pools("orders", db_statement_s=2.0) as database,
        pytest.raises(TimedOut) as thrown_out,
        database.transaction() as frozen,
    ):
        frozen.execute(LOCK)  # and then nothing, as a process that is frozen would
        with others.transaction() as connection:
            connection.execute(LOCK)
        frozen.execute("select 1")
    assert isinstance(thrown_out.value.__cause__, IdleInTransactionSessionTimeout)


def test_of_two_that_wait_for_each_other_one_is_told_that_nothing_happened(shop_database: ShopDatabase) -> None:
    lock = "select pg_advisory_xact_lock(%s)"
    with (
        ThreadPoolExecutor() as threads,
        shop_database.pools("orders") as database,
        pytest.raises(Unavailable),
        database.transaction() as one,
    ):
        one.execute(lock, (1,))
        with database.transaction() as other:
            other.execute(lock, (2,))
            waiting = threads.submit(one.execute, lock, (2,))
            other.execute(lock, (1,))
        waiting.result()
