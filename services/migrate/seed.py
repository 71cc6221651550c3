"""The same products and stock on every machine."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from services.common.telemetry import log

PRODUCTS = Path(__file__).parent.parent / "catalog" / "products.json"


@dataclass(frozen=True)
class Product:
    """One entry of products.json. `stock`: pieces there are when the shop opens."""

    sku: str
    name: str
    description: str
    category: str
    price_cents: int
    stock: int


def products(path: Path = PRODUCTS) -> list[Product]:
    """What the shop sells, in the order of its shelves."""
    return [Product(**entry) for entry in json.loads(path.read_text())]


def seed(connection: Connection[Any], assortment: list[Product]) -> None:
    """Add what is missing; what is there already stays as it is, and so does all when a table was dropped."""
    if missing := [table for table in ("catalog.products", "inventory.stock") if not _is_there(connection, table)]:
        log().warning("not seeded", missing=missing)
        return
    texts = ("sku", "name", "description", "category")
    columns = [[getattr(product, name) for product in assortment] for name in (*texts, "price_cents")]
    connection.execute(
        "insert into catalog.products (sku, name, description, category, price_cents) "
        "select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::int[]) on conflict do nothing",
        columns,
    )
    pieces = [product.stock for product in assortment]
    connection.execute(
        "insert into inventory.stock (sku, stock, available) "
        "select sku, n, n from unnest(%s::text[], %s::int[]) as seed (sku, n) on conflict do nothing",
        (columns[0], pieces),
    )


def _is_there(connection: Connection[Any], table: str) -> bool:
    return connection.execute("select to_regclass(%s) is not null", (table,)).fetchone() == (True,)
