"""What the cart answers, and what it may be asked."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field


def number(value: object) -> object:
    """JSON's `2.0` is a whole number; `true` and `"2"` are none, although Python would make one of them."""
    if isinstance(value, bool | str):
        raise ValueError("wanted a number")
    return value


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

    quantity: Annotated[int, Field(ge=1, le=99), BeforeValidator(number)]
