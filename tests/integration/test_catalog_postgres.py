"""The catalogue's table and search on a real Postgres."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import services.catalog
from services.catalog.products import Products
from services.common.db import Database
from services.common.errors import NotFound, ShopError
from services.common.settings import DatabaseSettings, read
from tests.integration.cache_servers import Server

pytestmark = pytest.mark.servers
FOLDER = Path(services.catalog.__file__).parent
ROLE = """
create role catalog login password 'c';
create schema catalog authorization catalog;
alter role catalog set search_path = catalog;
"""
INSERT = """
insert into products (sku, name, description, category, price_cents)
values (%(sku)s, %(name)s, %(description)s, %(category)s, %(price_cents)s)
"""


def connect(server: Server, user: str, password: str) -> psycopg.Connection:
    host, port = server.address.split(":")
    return psycopg.connect(host=host, port=port, dbname="shop", user=user, password=password)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    server = Server("postgres", ADMIN_PASSWORD="a")
    try:
        server.start()
        with connect(server, "shop_admin", "a") as connection:
            connection.execute(ROLE)
        with connect(server, "catalog", "c") as connection:
            connection.execute((FOLDER / "migrations/0001.products.sql").read_text())
            connection.cursor().executemany(INSERT, json.loads((FOLDER / "products.json").read_text()))
        yield server
    finally:
        server.remove()


@pytest.fixture
def database(postgres) -> Iterator[Database]:
    database = Database(read(DatabaseSettings, {"POSTGRES": postgres.address, "DB_PASSWORD": "c"}), "catalog")
    database.open()
    try:
        yield database
    finally:
        database.close()


@pytest.fixture
def products(database) -> Products:
    return Products(database)


def skus(products: Products, *words: str, category: str = "", page: int = 1) -> list[str]:
    return [row.sku for row in products.find(words, category, page)[0]]


def test_a_product_is_found_by_its_sku(products):
    row = products.get("tea-001")
    assert (row.name, row.category, row.price_cents) == ("Morning Harbour Breakfast", "tea", 890)


def test_what_does_not_exist_is_not_found(products):
    with pytest.raises(NotFound):
        products.get("tea-999")


def test_products_stand_in_the_order_in_which_they_were_loaded(products):
    rows, total = products.find([], "", 1)
    assert (len(rows), total, rows[0].sku, rows[1].sku) == (24, 200, "tea-001", "coffee-001")


def test_every_product_is_on_exactly_one_page(products):
    seen = [sku for page in range(1, 10) for sku in skus(products, page=page)]
    assert len(seen) == len(set(seen)) == 200 and skus(products, page=10_000) == []


def test_words_are_found_anywhere_in_any_case_and_all_of_them_must_be_there(products):
    assert "chocolate-003" in skus(products, "midnight")
    assert skus(products, "DARJ", "autumn") == ["tea-020"]
    assert skus(products, "darjeeling", "robusta") == []


def test_what_is_named_so_comes_before_what_is_only_described_so(products):
    found, _ = products.find(["vanilla"], "", 1)
    named = ["vanilla" in row.name.lower() for row in found]
    assert named == sorted(named, reverse=True) and True in named and False in named


def test_a_category_is_a_shelf_of_its_own(products):
    assert products.find([], "tea", 1)[1] == 20
    assert {shelf.products for shelf in products.shelves()} == {20}
    assert products.shelves()[0].category == "tea"


@pytest.mark.parametrize("word", ["%", "_", "\\", "a%e", "'; drop table products --"])
def test_wildcards_mean_themselves(products, word):
    assert skus(products, word) == []


@pytest.mark.parametrize("word", ["🍵", "\u202e", "ﬀ", "\U0010ffff"])
def test_any_letter_may_be_searched_for(products, word):
    assert skus(products, word) == []


def test_a_price_of_nothing_and_an_odd_sku_are_refused_by_the_table(postgres):
    for bad in ({"price_cents": 0}, {"sku": "TEA 1"}, {"name": ""}):
        row = {"sku": "new-001", "name": "n", "description": "d", "category": "c", "price_cents": 1, **bad}
        with pytest.raises(psycopg.errors.CheckViolation), connect(postgres, "catalog", "c") as connection:
            connection.execute(INSERT, row)


def test_without_a_database_the_error_says_whether_to_try_again():
    nowhere = Database(read(DatabaseSettings, {"POSTGRES": "127.0.0.1:1", "DB_PASSWORD": "c"}), "catalog")
    nowhere.open()
    try:
        with pytest.raises(ShopError) as caught:
            Products(nowhere).get("tea-001")
        assert caught.value.status in (503, 504)
    finally:
        nowhere.close()


def test_a_read_can_be_made_dearer_than_it_is(database):
    began = time.monotonic()
    assert Products(database, lambda: 0.15).get("tea-001").sku == "tea-001"
    assert time.monotonic() - began >= 0.15
