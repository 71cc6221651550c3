"""What moves the roles of Postgres asks real servers, and never waits for one that does not answer."""

import time

import psycopg
import pytest

from compose.postgres import Postgres
from compose.runtime.verbs import RuntimeFailed
from tests.integration.private_stores import ShopDatabase, eventually

pytestmark = pytest.mark.servers


def server(shop_database: ShopDatabase) -> Postgres:
    return Postgres({"postgres-1": shop_database.address, "postgres-2": "127.0.0.1:9"}, "adm'in")


def test_a_server_answers_and_says_its_role_and_where_none_is_nobody_does(shop_database: ShopDatabase) -> None:
    postgres = server(shop_database)
    eventually(lambda: postgres.roles() == {"postgres-1": "primary", "postgres-2": None})
    eventually(lambda: [postgres.answers(node) for node in postgres.nodes] == [True, False])
    assert postgres.follower("postgres-1") is None


def test_who_asks_gives_up_by_itself(shop_database: ShopDatabase) -> None:
    began = time.monotonic()
    with pytest.raises(RuntimeFailed, match="postgres-1"):
        server(shop_database).ask("postgres-1", "select pg_sleep(30)", within_s=0.3)
    assert time.monotonic() - began < 10


def test_a_primary_without_a_replica_is_never_caught_up_with(shop_database: ShopDatabase) -> None:
    with pytest.raises(RuntimeFailed, match="the replica of postgres-1 does not catch up"):
        server(shop_database).catch_up("postgres-1", within_s=0.2)


def test_writes_that_are_held_are_refused_until_they_are_allowed_again(shop_database: ShopDatabase) -> None:
    postgres = server(shop_database)
    postgres.hold_writes("postgres-1")
    try:
        eventually(lambda: not writes(postgres))
    finally:
        postgres.allow_writes("postgres-1")
    eventually(lambda: writes(postgres))


def test_a_transaction_that_does_not_finish_is_told(shop_database: ShopDatabase) -> None:
    with shop_database.admin() as unfinished, unfinished.transaction():
        unfinished.execute("create table public.left_open (id int)")
        with pytest.raises(RuntimeFailed, match="transactions that do not finish"):
            server(shop_database).catch_up("postgres-1", within_s=0.2)
        raise psycopg.Rollback()


def writes(postgres: Postgres) -> bool:
    try:
        postgres.ask("postgres-1", "create table public.written (id int)")
    except RuntimeFailed:
        return False
    postgres.ask("postgres-1", "drop table public.written")
    return True
