"""What a shopper may look at, as the bytes that are sent: from the cache, or made from the table and cached."""

import math
from collections.abc import Callable
from dataclasses import asdict

from services.catalog.models import Card, Categories, Category, Page, Product
from services.catalog.pictures import draw
from services.catalog.products import PAGE_SIZE, Products, Row
from services.common.cache import Cache

MOST_WORDS = 8
SEARCHES, SHELVES = "searches", "shelves"
"""A list costs the same whoever asks, so all who search share one limit; and another one all who look at shelves, which
a storm of searches must not close.
"""


class Browsing:
    """Each method gives a whole answer's body. Raises NotFound; Unavailable or TimedOut when it is not cached and
    no database node answers; TooOften from `admit`, which is asked before a list goes to the database.

    Products change rarely and are wanted one by one; lists are many (every search is one) and live shorter.
    """

    def __init__(
        self,
        products: Products,
        cache: Cache,
        product_ttl_s: Callable[[], float],
        list_ttl_s: float,
        admit: Callable[[str], object] = lambda who: None,
    ) -> None:
        self._products, self._cache, self._admit = products, cache, admit
        self._product_ttl_s, self._list_ttl_s = product_ttl_s, list_ttl_s

    def product(self, sku: str) -> bytes:
        """One product as JSON."""
        return self._cache.through(f"product:{sku}", lambda: _json_of(self._products.get(sku)), self._product_ttl_s())

    def picture(self, sku: str) -> bytes:
        """Its picture as SVG."""
        return self._cache.through(f"picture:{sku}", lambda: self._draw(sku), self._product_ttl_s())

    def page(self, q: str, category: str, page: int) -> bytes:
        """A page of the products that match, as JSON."""
        words, category = words_of(q), printable(category)
        key = f"list:{(page, category, words)}"  # as Python writes it: no two searches share a key
        return self._cache.through(key, lambda: self._page(words, category, page), self._list_ttl_s)

    def categories(self) -> bytes:
        """All categories as JSON."""
        return self._cache.through("categories", self._categories, self._list_ttl_s)

    def _draw(self, sku: str) -> bytes:
        row = self._products.get(sku)
        return draw(row.sku, row.category, row.name).encode()

    def _page(self, words: list[str], category: str, page: int) -> bytes:
        if words or category or page > 1:  # without end; there is one first page of everything
            self._admit(SEARCHES if words else SHELVES)
        rows, total = self._products.find(words, category, page)
        cards = [
            Card(sku=r.sku, name=r.name, price_cents=r.price_cents, category=r.category, image=image_of(r.sku))
            for r in rows
        ]
        pages = max(1, math.ceil(total / PAGE_SIZE))
        return Page(items=cards, page=page, pages=pages, total=total).model_dump_json().encode()

    def _categories(self) -> bytes:
        shelves = [Category(category=s.category, products=s.products) for s in self._products.shelves()]
        return Categories(items=shelves).model_dump_json().encode()


def _json_of(row: Row) -> bytes:
    return Product(**asdict(row), image=image_of(row.sku)).model_dump_json().encode()


def image_of(sku: str) -> str:
    """Where a product's picture is."""
    return f"/api/catalog/pictures/{sku}.svg"


def words_of(q: str) -> list[str]:
    """What is searched for, whatever was typed: at most eight words, in an order and case of ours, so that equal
    searches share a cache entry.
    """
    return sorted(set(printable(q).casefold().split()[:MOST_WORDS]))


def printable(text: str) -> str:
    """Without control characters and the like; Postgres would refuse a NUL."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
