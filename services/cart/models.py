"""What the cart answers, and what it may be asked."""

from typing import Annotated

from pydantic import BaseModel, Field


class Item(BaseModel):
    """A product and how many of it."""

    sku: str
    quantity: int


class Items(BaseModel):
    """The whole cart, by sku."""

    items: list[Item]


class OneItem(BaseModel):
    """Names a line of the cart."""

    sku: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,39}$", description="e.g. tea-001")]


class Quantity(BaseModel):
    """How many are wanted from now on; to want none, delete the line."""

    quantity: int = Field(ge=1, le=99, strict=True)
