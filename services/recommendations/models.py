"""What is recommended, and what may be asked."""

from pydantic import BaseModel, Field


class Recommendation(BaseModel):
    """A product others bought."""

    sku: str
    name: str
    price_cents: int
    image: str


class Recommendations(BaseModel):
    """The best first."""

    items: list[Recommendation]


class Wish(BaseModel):
    """How many are wanted."""

    limit: int = Field(default=4, ge=1, le=12)
