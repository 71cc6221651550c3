"""The cart's routes. Who is asking is known by the cookie `cart` alone; who has none gets one."""

import secrets
from collections.abc import Callable, Mapping

from flask import Response, request
from flask_openapi import OpenAPI

from services.cart.carts import Carts
from services.cart.models import Item, Items, OneItem, Quantity
from services.common.fields import CART_ID
from services.common.web import Check, create_web, json_answer, problems

COOKIE = "cart"


def create_app(carts: Callable[[], Carts], ready: Mapping[str, Check], keep_s: int) -> OpenAPI:
    """Build the cart from its parts; `__main__` makes the real ones, tests pass fakes. `carts` is asked each time,
    `keep_s` is the age of the cookie.
    """
    app = create_web("cart", ready)

    def answer(cart_id: str, wanted: Mapping[str, int]) -> Response:
        items = [Item(sku=sku, quantity=quantity) for sku, quantity in wanted.items()]
        whole = json_answer(Items(items=items))
        whole.set_cookie(COOKIE, cart_id, max_age=keep_s, httponly=True, samesite="Lax")
        whole.headers["Cache-Control"] = "no-store"
        return whole

    @app.get("/api/cart/items", responses={200: Items, **problems(503)})
    def show() -> Response:
        """The cart."""
        cart_id = shopper()
        return answer(cart_id, carts().get(cart_id))

    @app.put("/api/cart/items/<sku>", responses={200: Items, **problems(409, 422, 503)})
    def put(path: OneItem, body: Quantity) -> Response:
        """Want so many of a product."""
        cart_id = shopper()
        return answer(cart_id, carts().put(cart_id, path.sku, body.quantity))

    @app.delete("/api/cart/items/<sku>", responses={200: Items, **problems(422, 503)})
    def remove(path: OneItem) -> Response:
        """No longer want a product."""
        cart_id = shopper()
        return answer(cart_id, carts().remove(cart_id, path.sku))

    @app.delete("/api/cart/items", responses={200: Items, **problems(503)})
    def clear() -> Response:
        """Want nothing any more."""
        cart_id = shopper()
        return answer(cart_id, carts().clear(cart_id))

    return app


def shopper() -> str:
    """The caller's cart, or a new one that nobody can guess."""
    given = request.cookies.get(COOKIE, "")
    return given if CART_ID.fullmatch(given) else secrets.token_hex(16)
