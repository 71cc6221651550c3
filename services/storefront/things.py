"""What a page shows: typed rows made from what the other services answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Product:
    """Something on the shelf. `image` is a path at the gateway; `price_cents` is for one piece."""

    sku: str
    name: str
    price_cents: int
    category: str = ""
    image: str = ""
    description: str = ""

    @staticmethod
    def of(row: Json) -> "Product":
        """Members this page does not know are left out."""
        return Product(**{name: row[name] for name in Product.__dataclass_fields__ if name in row})


@dataclass(frozen=True)
class Shelf:
    """One page of the catalogue."""

    items: list[Product]
    page: int
    pages: int
    total: int


@dataclass(frozen=True)
class Line:
    """A product and how many of it. `product` is None when the catalogue no longer has it."""

    sku: str
    quantity: int
    product: Product | None = None

    @property
    def name(self) -> str:
        """Its name, or the sku when nothing better is known."""
        return self.product.name if self.product else self.sku

    @property
    def cents(self) -> int:
        """Price of the whole line; nothing for what is no longer sold."""
        return self.product.price_cents * self.quantity if self.product else 0


@dataclass(frozen=True)
class Basket:
    """What one visitor wants to buy. Not `priced`: the catalogue is away, so nothing is known about the products."""

    lines: list[Line]
    priced: bool = True

    @property
    def pieces(self) -> int:
        """How many things there are in all."""
        return sum(line.quantity for line in self.lines)

    @property
    def cents(self) -> int:
        """What it costs."""
        return sum(line.cents for line in self.lines)

    @property
    def sellable(self) -> bool:
        """Is there something in it, and all of it surely in the catalogue?"""
        return bool(self.lines) and all(line.product for line in self.lines)


@dataclass(frozen=True)
class Order:
    """A promise: it exists only when the orders service confirmed it. `status` is confirmed, shipped or cancelled;
    `promised_for`: when it will be packed, empty for at once. Both times are ISO 8601.
    """

    order_id: str
    status: str
    total_cents: int
    lines: list[Line]
    promised_for: str = ""
    placed_at: str = ""


@dataclass(frozen=True)
class Message:
    """What the shop would have sent by mail. `kind` is e.g. order.placed."""

    kind: str
    subject: str
    body: str
    created_at: str
