"""What `services.migrate` makes of an empty Postgres."""

import psycopg
import pytest

from labs.control.flags import WRITE
from services.migrate.__main__ import migrate
from services.migrate.seed import products
from tests.integration.private_stores import PASSWORDS, ShopDatabase

pytestmark = pytest.mark.servers


def count(database: ShopDatabase, table: str) -> int:
    with database.admin() as connection:
        row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None and isinstance(row[0], int)
    return row[0]


def test_every_product_is_on_its_shelf_with_its_stock(shop_database: ShopDatabase) -> None:
    with shop_database.admin() as connection:
        seeded = connection.execute(
            "select p.sku, s.stock from catalog.products p join inventory.stock s using (sku) order by p.position"
        ).fetchall()
    assert seeded == [(product.sku, product.stock) for product in products()]


def test_migrating_again_changes_nothing(shop_database: ShopDatabase) -> None:
    with shop_database.admin() as connection:
        connection.execute("update inventory.stock set sold = 1, available = available - 1 where sku = 'tea-001'")
    before = count(shop_database, "inventory.stock")
    migrate(shop_database.migrate_settings, reset=False)
    assert count(shop_database, "inventory.stock") == before
    assert count(shop_database, "inventory.stock where sku = 'tea-001' and sold = 1") == 1


@pytest.mark.parametrize("table", ["catalog.products", "inventory.stock"])
def test_a_table_that_was_dropped_is_left_to_whoever_brings_it_back(shop_database: ShopDatabase, table: str) -> None:
    schema, name = table.split(".")
    before = count(shop_database, table)
    with shop_database.admin() as connection:
        connection.execute(f"create schema aside; alter table {table} set schema aside".encode())
    try:
        migrate(shop_database.migrate_settings, reset=False)
    finally:
        with shop_database.admin() as connection:
            connection.execute(f"alter table aside.{name} set schema {schema}; drop schema aside".encode())
    assert count(shop_database, table) == before


def test_a_reset_forgets_everything_but_the_assortment(shop_database: ShopDatabase) -> None:
    with shop_database.admin() as connection:
        connection.execute("insert into payments.charges (key, state) values ('forget-me', 'voided')")
    migrate(shop_database.migrate_settings, reset=True)
    assert count(shop_database, "payments.charges") == 0
    assert count(shop_database, "inventory.stock where sold + reserved > 0") == 0
    assert count(shop_database, "inventory.stock") == count(shop_database, "catalog.products") == len(products())


@pytest.mark.parametrize("service", PASSWORDS)
def test_a_service_may_use_its_own_schema_and_only_read_the_flags(shop_database: ShopDatabase, service: str) -> None:
    with shop_database.role(service) as connection:
        usable = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema$|public$)' "
            "and (has_schema_privilege(oid, 'usage') or has_schema_privilege(oid, 'create'))"
        ).fetchall()
        assert sorted(usable) == sorted([(service,), ("flags",)])
        connection.execute("select version, settings from flags.document")
        flags = ("insert into flags.document (version, settings) values (1, '{}')", "create table flags.mine (x int)")
        for forbidden in ("create table public.mine (x int)", "create schema mine", "create role other", *flags):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden.encode())


def test_flags_have_a_higher_version_each_time_also_when_the_clock_was_set_back(shop_database: ShopDatabase) -> None:
    with shop_database.admin() as connection:
        versions = [connection.execute(WRITE, (at, "{}")).fetchone() for at in (2000, 1000, 3000)]
        connection.execute("delete from flags.document")
    assert versions == [(2000,), (2001,), (3000,)]


def test_another_services_table_is_refused(shop_database: ShopDatabase) -> None:
    with shop_database.role("payments") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from orders.attempts")
