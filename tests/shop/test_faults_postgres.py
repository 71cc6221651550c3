"""Faults of Postgres: each one's effect appears, and is gone when it is shop."""

import os

import psycopg
import pytest

from compose import places
from labs.control.client import ControlFailed, ShopClient
from labs.faults.db_lock import TABLES
from tests.shop.buying import ask, buy, buy_once, eventually, insist
from tests.shop.inside import number, seconds_until

pytestmark = pytest.mark.servers

ORDERS = "select count(*) from orders.orders"


def orders_at(shop: ShopClient, node: str) -> int:
    return number(shop, node, ORDERS)


def seconds_behind(shop: ShopClient, at_most_s: float) -> float:
    """How long after it was confirmed an order is on the replica."""
    assert buy(shop.url).sold
    wanted = orders_at(shop, "postgres-1")
    return seconds_until(lambda: orders_at(shop, "postgres-2") >= wanted, at_most_s)


def test_replication_lag_keeps_the_replica_behind_by_so_much(breakable: ShopClient) -> None:
    breakable.set_fault("replication_lag", "postgres-2", delay_s=2)
    assert 1.5 < seconds_behind(breakable, at_most_s=8) < 8
    breakable.heal()
    assert seconds_behind(breakable, at_most_s=8) < 1.5


def test_replay_pause_holds_the_replica_where_it_is(breakable: ShopClient) -> None:
    breakable.set_fault("replay_pause", "postgres-2")
    assert seconds_behind(breakable, at_most_s=2) == 2
    breakable.heal()
    eventually(lambda: orders_at(breakable, "postgres-2") == orders_at(breakable, "postgres-1"), within_s=5)


def test_disk_fill_stops_the_replica_from_taking_anything_new(breakable: ShopClient) -> None:
    if breakable.runtime == "containers":
        with pytest.raises(ControlFailed, match="only in local"):
            breakable.set_fault("disk_fill", "postgres-2")
        return
    if os.geteuid() != 0:
        with pytest.raises(ControlFailed, match="takes root"):
            breakable.set_fault("disk_fill", "postgres-2")
        return
    breakable.set_fault("disk_fill", "postgres-2")
    assert seconds_behind(breakable, at_most_s=2) == 2
    assert any("No space left on device" in line for line in breakable.logs("postgres-2", 50))
    breakable.heal()
    eventually(lambda: orders_at(breakable, "postgres-2") == orders_at(breakable, "postgres-1"), within_s=8)


def test_replica_stop_is_carried_by_the_primary(breakable: ShopClient) -> None:
    breakable.set_fault("replica_stop", "postgres-2")
    states = {component["name"]: component["state"] for component in breakable.status()}
    assert states["postgres-2"] == "stopped"
    assert insist(lambda: ask(breakable.url, "GET", "/api/catalog/products?q=green"), within_s=5).status == 200
    breakable.heal()
    assert {c["name"]: c["role"] for c in breakable.status()}["postgres-2"] == "replica"


def test_primary_kill_ends_all_buying_and_what_was_confirmed_is_kept(breakable: ShopClient) -> None:
    assert buy(breakable.url).sold
    breakable.set_fault("primary_kill", "postgres-1")
    assert buy_once(breakable.url).status in (503, 504)
    breakable.heal()
    eventually(lambda: buy_once(breakable.url).sold, within_s=30)
    assert breakable.check() == []


def test_db_conn_exhaust_leaves_no_connection_to_newcomers(breakable: ShopClient) -> None:
    breakable.set_fault("db_conn_exhaust", "postgres-1")
    with pytest.raises(psycopg.OperationalError, match="slots"):
        connect_as_payments(breakable)
    breakable.heal()
    eventually(lambda: connect_as_payments(breakable), within_s=5)


def test_db_conn_exhaust_is_ended_by_the_server_after_its_time(breakable: ShopClient) -> None:
    idle = "select count(*) from pg_stat_activity where usename = 'catalog' and state = 'idle'"
    breakable.set_fault("db_conn_exhaust", "postgres-1", connections=20, hold_s=3)
    assert number(breakable, "postgres-1", idle) >= 20
    eventually(lambda: number(breakable, "postgres-1", idle) < 10, within_s=8)


def connect_as_payments(shop: ShopClient) -> bool:
    """As a service that starts now would. Raises psycopg.OperationalError."""
    host, port = {component["name"]: component["address"] for component in shop.status()}["postgres-1"].split(":")
    password = places.passwords(places.folder(shop.name))["PAYMENTS_DB_PASSWORD"]
    dsn = {"host": host, "port": port, "user": "payments", "password": password, "dbname": "shop"}
    psycopg.connect(**dsn, connect_timeout=2).close()
    return True


def test_db_lock_stops_whoever_needs_the_table_and_nobody_else(breakable: ShopClient) -> None:
    breakable.set_fault("db_lock", "postgres-1", table="inventory.stock")
    assert buy_once(breakable.url).status in (503, 504)
    assert insist(lambda: ask(breakable.url, "GET", "/api/catalog/products/tea-002"), within_s=5).status == 200
    breakable.heal()
    eventually(lambda: buy_once(breakable.url).sold, within_s=30)


def test_db_lock_is_ended_by_the_server_after_its_time(breakable: ShopClient) -> None:
    held = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'orders.lines'::regclass"
    breakable.set_fault("db_lock", "postgres-1", table="orders.lines", hold_s=10)
    assert number(breakable, "postgres-1", held) == 1
    eventually(lambda: number(breakable, "postgres-1", held) == 0, within_s=40)  # by default 60 s


def test_a_dropped_table_is_gone_from_every_server_until_it_is_healed(breakable: ShopClient) -> None:
    gone = "select (to_regclass('payments.charges') is null)::int as count"
    breakable.set_fault("table_drop", "postgres-1", table="payments.charges")
    assert buy_once(breakable.url).status in (503, 504)
    eventually(lambda: [number(breakable, node, gone) for node in ("postgres-1", "postgres-2")] == [1, 1])
    breakable.heal()
    eventually(lambda: buy_once(breakable.url).sold, within_s=30)
    assert breakable.check() == []


def test_every_table_that_can_be_locked_is_there(shop: ShopClient) -> None:
    rows = shop.rows("select schemaname || '.' || tablename as name from pg_tables")
    assert set(TABLES) <= {row["name"] for row in rows}


def test_what_is_for_a_replica_is_refused_for_the_primary(shop: ShopClient) -> None:
    with pytest.raises(ControlFailed, match="here postgres-2"):
        shop.set_fault("replication_lag", "postgres-1")
