"""Words that mean the same in every service's requests: an item's name, how many of it, the lines of an order, the key
that they are held and paid for under.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

MOST_LINES = 50
CART_ID = re.compile(r"[0-9a-f]{32}")
"""What the cookie `cart` holds; anything else is none of ours."""


def number(value: object) -> object:
    """JSON's `2.0` is a whole number; `true` and `"2"` are none, although Python would make one of them."""
    if isinstance(value, bool | str):
        raise ValueError("wanted a number")
    return value


SKU = "[a-z0-9][a-z0-9-]{0,39}"
Sku = Annotated[str, Field(pattern=f"^{SKU}$", description="e.g. tea-001")]
Pieces = Annotated[int, Field(ge=1, le=99), BeforeValidator(number)]
ChargeKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,128}$")]


Token = Annotated[
    str,
    Field(
        pattern="^tok_(ok|declined)(_[a-z0-9]{1,32})?$",
        description="a card that is charged or declined; without a name behind it it is the demo's, which all may use",
    ),
]


class LineRequest(BaseModel):
    """So many pieces of an item."""

    sku: Sku
    quantity: Pieces


def each_item_once(lines: list[LineRequest]) -> list[LineRequest]:
    """Two lines of one item would be two prices or two reservations of it."""
    if len({line.sku for line in lines}) < len(lines):
        raise ValueError("an item is named twice")
    return lines


LineRequests = Annotated[list[LineRequest], Field(min_length=1, max_length=MOST_LINES), AfterValidator(each_item_once)]
