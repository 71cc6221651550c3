"""How long a statement may take is what the settings say: neither less nor more."""

import time
from dataclasses import replace

import pytest

from services.common.db import Database
from services.common.errors import TimedOut
from tests.integration.private_stores import ShopDatabase

pytestmark = pytest.mark.servers


def sleep(shop_database: ShopDatabase, statement_s: float, seconds: float) -> None:
    database = Database(replace(shop_database.settings("orders"), db_statement_s=statement_s), "orders")
    database.open()
    try:
        with database.transaction() as connection:
            connection.execute("select pg_sleep(%s)", (seconds,))
    finally:
        database.close()


def test_a_statement_may_take_as_long_as_it_was_given(shop_database: ShopDatabase) -> None:
    sleep(shop_database, statement_s=30, seconds=3)


def test_a_statement_that_takes_longer_ends_as_timed_out(shop_database: ShopDatabase) -> None:
    with pytest.raises(TimedOut):
        sleep(shop_database, statement_s=0.2, seconds=10)


def test_a_row_that_a_frozen_transaction_holds_is_waited_for_shortly_and_let_go_of_soon(
    shop_database: ShopDatabase,
) -> None:
    settings = replace(shop_database.settings("orders"), db_lock_s=0.2, db_statement_s=1.0)
    database = Database(settings, "orders")
    database.open()
    lock = "lock table attempts in access exclusive mode"
    try:
        with pytest.raises(TimedOut), database.transaction() as frozen:
            frozen.execute(lock)
            with pytest.raises(TimedOut), database.transaction() as connection:
                connection.execute(lock)
            time.sleep(1.2)  # as a process that is frozen would: it sends nothing
            with database.transaction() as connection:
                connection.execute(lock)
            frozen.execute("select 1")
    finally:
        database.close()
