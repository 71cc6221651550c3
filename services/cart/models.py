"""What the cart answers, and what it may be asked."""

from pydantic import BaseModel

from services.common.fields import Pieces, Sku


class Item(BaseModel):
    """A product and how many of it."""

    sku: str
    quantity: int


class Items(BaseModel):
    """The whole cart, by sku."""

    items: list[Item]


class OneItem(BaseModel):
    """Names a line of the cart."""

    sku: Sku


class Quantity(BaseModel):
    """How many are wanted from now on; to want none, delete the line."""

    quantity: Pieces
