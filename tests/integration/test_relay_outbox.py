"""A broker may take longer than Postgres lets a transaction rest: what was sent is marked all the same."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.common.db import Database
from services.relay.outbox import Outbox, Row
from tests.integration.private_stores import ShopDatabase

pytestmark = pytest.mark.servers

UNSENT = "select event_id from orders.outbox where sent_at is null order by id"


@pytest.fixture
def database(shop_database: ShopDatabase) -> Iterator[Database]:
    """Three events are unsent; a transaction may rest for half a second, unless it asks for more."""
    database = Database(replace(shop_database.settings("orders"), db_statement_s=0.5), "orders")
    with shop_database.admin() as connection:
        connection.execute("truncate orders.outbox")
        for event_id in ("e1", "e2", "e3"):
            connection.execute(
                "insert into orders.outbox (event_id, event, payload) values (%s, 'order.placed', '{}')", (event_id,)
            )
        database.open()
        try:
            yield database
        finally:
            database.close()
            connection.execute("truncate orders.outbox")


def test_what_a_slow_broker_has_taken_is_marked_and_not_sent_again(
    database: Database, shop_database: ShopDatabase
) -> None:
    outbox, sent = Outbox(database), []

    def slowly(row: Row) -> None:
        sent.append(row.event_id)
        time.sleep(1.2)

    assert [outbox.forward(slowly, 100) for _ in range(4)] == [1, 1, 1, 0]
    assert sent == ["e1", "e2", "e3"]
    with shop_database.admin() as connection:
        assert connection.execute(UNSENT).fetchall() == []
