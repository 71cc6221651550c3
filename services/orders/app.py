"""Orders' routes."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from flask import Response, request
from flask_openapi import OpenAPI
from prometheus_client import Counter
from pydantic import BaseModel, Field

from services.common import lane
from services.common.errors import ShopError
from services.common.fields import CART_ID, LineRequests, Token
from services.common.papers import ADMISSION_HEADER
from services.common.rate_limit import visitor
from services.common.web import Check, create_web, json_answer, problems
from services.orders.checkout import Wanted
from services.orders.orders import Order, Sold

CHECKOUTS = Counter("shop_checkouts_total", "How checkouts ended, as shoppers see it", ["outcome"])


class Checkout(Protocol):
    """The order path; see `checkout.Checkout`."""

    def check_out(self, key: str, wanted: Wanted) -> tuple[Order, bool]: ...


class Orders(Protocol):
    """What else is asked of orders; see `orders.Orders`."""

    def find(self, order_id: str) -> Order: ...
    def ship(self, order_id: str) -> Order: ...
    def best_sellers(self, limit: int) -> list[Sold]: ...


class OrderHeaders(BaseModel):
    idempotency_key: str = Field(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,255}$",
        description="made by the client; the same key again is the same order",
    )
    x_admission: str = Field(
        default="", alias=ADMISSION_HEADER, max_length=300, description="from the waiting room, for the item of a sale"
    )


class PaymentRequest(BaseModel):
    token: Token


class OrderRequest(BaseModel):
    items: LineRequests
    payment: PaymentRequest


class OrderPath(BaseModel):
    order_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")


class LineAnswer(BaseModel):
    sku: str
    name: str
    quantity: int
    price_cents: int


class OrderAnswer(BaseModel):
    """Status: confirmed, shipped or cancelled. An order that was shown is never taken back. `promised_for` is there
    while more is ordered than can be packed at once.
    """

    order_id: str
    status: str
    total_cents: int
    items: list[LineAnswer]
    placed_at: datetime
    promised_for: datetime | None


class SellersQuery(BaseModel):
    limit: int = Field(default=4, ge=1, le=100)


class SoldAnswer(BaseModel):
    sku: str
    sold: int


class SellersAnswer(BaseModel):
    items: list[SoldAnswer]


def create_app(
    checkout: Checkout,
    orders: Orders,
    ready: Mapping[str, Check],
    key_of: Callable[[str], str] = lambda key: key,
    find: Callable[[str], Order] | None = None,
    admit: Callable[[str, str], object] = lambda shopper, token: None,
    leads_to_lane: lane.Leads = lane.nowhere,
) -> OpenAPI:
    """Build the app from its parts; `__main__` makes the real ones, tests pass fakes. `key_of` the client's key is the
    one that an order is tried under; `find` looks up what is shown, if `orders` does not know of everything; `admit`
    raises TooOften where a shopper or a card tries again and again; `leads_to_lane` tells whose buyers are sent there.
    """
    app = create_web("orders", ready)

    made = {200: OrderAnswer, 201: OrderAnswer, **problems(402, 403, 409, 422, 429, 503, 504)}

    @app.post("/api/orders", responses=made | {307: None})
    def place(header: OrderHeaders, body: OrderRequest) -> Response:
        if leads_to_lane([line.sku for line in body.items]):
            CHECKOUTS.labels("sent_to_lane").inc()
            return Response(status=307, headers={"Location": lane.PATH})
        return placed(header, body)

    @app.post(lane.PATH, responses=made)
    def place_in_lane(header: OrderHeaders, body: OrderRequest) -> Response:
        return placed(header, body)

    def placed(header: OrderHeaders, body: OrderRequest) -> Response:
        wanted = Wanted([(line.sku, line.quantity) for line in body.items], body.payment.token, header.x_admission)
        try:
            admit(_shopper(), wanted.token)
            order, new = checkout.check_out(key_of(header.idempotency_key), wanted)
        except ShopError as error:
            CHECKOUTS.labels(error.kind).inc()
            raise
        CHECKOUTS.labels("placed" if new else "repeated").inc()
        answer = json_answer(_shown(order), 201 if new else 200)
        answer.headers["Location"] = f"/api/orders/{order.head.order_id}"
        return answer

    @app.get("/api/orders/<order_id>", responses={200: OrderAnswer, **problems(404, 422, 503, 504)})
    def show(path: OrderPath) -> Response:
        return json_answer(_shown((find or orders.find)(path.order_id)))

    shipped = {200: OrderAnswer, **problems(404, 409, 422, 503, 504)}

    @app.put("/internal/orders/<order_id>/shipment", responses=shipped)
    def ship(path: OrderPath) -> Response:
        return json_answer(_shown(orders.ship(path.order_id)))

    @app.get("/internal/orders/best-sellers", responses={200: SellersAnswer, **problems(422, 503, 504)})
    def best_sellers(query: SellersQuery) -> Response:
        sold = [SoldAnswer(**vars(item)) for item in orders.best_sellers(query.limit)]
        return json_answer(SellersAnswer(items=sold))

    return app


def _shopper() -> str:
    """Whose limit counts: the cart's, unless its cookie is none of ours, or that of the address. No cookie counts as
    somebody's address.
    """
    cart = request.cookies.get("cart", "")
    return f"cart {cart}" if CART_ID.fullmatch(cart) else visitor.get()


def _shown(order: Order) -> OrderAnswer:
    lines = [LineAnswer(**vars(line)) for line in order.lines]
    return OrderAnswer(**vars(order.head), items=lines)
