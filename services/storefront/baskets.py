"""The basket: put in, change, take out. Plain forms that end in a redirect; with htmx the page stays."""

import re

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from services.common import fields
from services.common.errors import Invalid, NotFound
from services.storefront.doorkeeper import cart_for_writing, cart_of_visitor
from services.storefront.looks import page
from services.storefront.shop import MOST, Shop

SKU = re.compile(fields.SKU)
PIECES = re.compile(r"[0-9]{1,2}")


def install(app: Flask, shop: Shop) -> None:
    """Add the routes."""

    @app.route("/cart")
    def cart() -> Response:
        basket = shop.basket(cart_of_visitor())
        g.pieces = lambda: basket.pieces
        return page("cart.html", basket=basket, most=MOST)

    @app.route("/cart/items", methods=["POST"])
    def add() -> AnyResponse:
        sku, pieces = known(request.form.get("sku", "")), quantity(least=1)
        in_basket = shop.add(cart_for_writing(), sku, pieces)
        g.pieces = lambda: in_basket
        if "HX-Request" in request.headers:
            return page("fragments/added.html", name=request.form.get("name", sku)[:120], pieces=pieces)
        return redirect("/cart", 303)

    @app.route("/cart/items/<sku>", methods=["POST"])
    def change(sku: str) -> AnyResponse:
        shop.put(cart_for_writing(), known(sku), quantity(least=0))
        return redirect("/cart", 303)

    @app.route("/cart/items/<sku>/remove", methods=["POST"])
    def remove(sku: str) -> AnyResponse:
        shop.put(cart_for_writing(), known(sku), 0)
        return redirect("/cart", 303)


def known(sku: str) -> str:
    """The sku, if it can be one. Raises NotFound."""
    if not SKU.fullmatch(sku):
        raise NotFound("there is no such product", part="catalog")
    return sku


def quantity(least: int) -> int:
    """The form's quantity; one, if it has none. Raises Invalid."""
    text = request.form.get("quantity", "1")
    if not (PIECES.fullmatch(text) and least <= int(text) <= MOST):
        raise Invalid(f"a quantity is a whole number from {least} to {MOST}")
    return int(text)
