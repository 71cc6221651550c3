"""What the catalogue answers, and what it may be asked."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from services.common.fields import Sku

FirstIfEmpty = BeforeValidator(lambda given: given or 1)
"""A form sends a field that nobody filled in as an empty text."""


class Card(BaseModel):
    """A product in a list."""

    sku: Sku
    name: str
    price_cents: int
    category: str
    image: str


class Product(Card):
    """A product on its own page."""

    description: str


class Page(BaseModel):
    """One page of a list; a page behind the last one is empty."""

    items: list[Card]
    page: int
    pages: int
    total: int


class Category(BaseModel):
    """A shelf and how many products stand on it."""

    category: str
    products: int


class Categories(BaseModel):
    """All shelves."""

    items: list[Category]


class Search(BaseModel):
    """Every word of `q` has to occur in the name, the description or the category."""

    q: str = Field(default="", max_length=80)
    category: str = Field(default="", max_length=40)
    page: Annotated[int, FirstIfEmpty] = Field(default=1, ge=1, le=10_000)


class OneProduct(BaseModel):
    """Names a product."""

    sku: Sku
