"""Buying. The form carries a random key and what the visitor saw, so that however often it is sent, it buys once.

What the shop answers, and what the visitor is told:
    201, 200   the order's own page (a redirect, so that a reload never posts)
    402        declined: the same form again under a new key, to choose another card
    403        the item is on sale, and it is not the visitor's turn: to the waiting room
    409        out of stock: which item, and what to do
    429        tried too often: surely not bought, press again in a while
    503        surely not bought: press again
    504        not known: press again with the same key, it cannot be charged twice (and a later 503 ends no doubt)
"""

import re
import secrets
from dataclasses import dataclass

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from services.common import deadline
from services.common.errors import (
    Conflict,
    Declined,
    Forbidden,
    Invalid,
    NotFound,
    ShopError,
    TimedOut,
    TooOften,
    Unavailable,
)
from services.common.fields import MOST_LINES
from services.storefront.baskets import SKU
from services.storefront.doorkeeper import admission_of_visitor, cart_of_visitor
from services.storefront.looks import page
from services.storefront.shop import Items, Shop
from services.storefront.things import Basket

ANSWERED_S = 3.9
"""Emptying the basket included: the gateway waits for 4 s, and its page could not say what has become of the order."""
SOON_S = 2
KEY = re.compile(r"[0-9a-f]{32}")
PIECES = re.compile(r"[1-9][0-9]?")
TOKENS = ("tok_ok", "tok_declined")


@dataclass(frozen=True)
class Purchase:
    """What one checkout form says."""

    key: str
    items: Items
    token: str
    doubt: bool


def install(app: Flask, shop: Shop) -> None:
    """Add the routes."""

    @app.route("/checkout")
    def checkout() -> AnyResponse:
        basket = shop.basket(cart_of_visitor())
        return _form(basket) if basket.sellable else redirect("/cart", 303)

    @app.route("/checkout", methods=["POST"])
    def buy() -> AnyResponse:
        deadline.promise(ANSWERED_S, request.environ)
        wanted = _read()
        try:
            order = shop.place(wanted.key, wanted.items, wanted.token, admission_of_visitor(), cart_of_visitor())
        except ShopError as error:
            return _explain(shop, wanted, error)
        if cart_of_visitor():
            shop.take_out(cart_of_visitor(), wanted.items)
        return redirect(f"/orders/{order.order_id}", 303)


def _form(basket: Basket, status: int = 200, declined: bool = False) -> Response:
    key = secrets.token_hex(16)
    g.pieces = lambda: basket.pieces
    return page("checkout.html", status, basket=basket, key=key, declined=declined)


def _read() -> Purchase:
    """The form, as this shop rendered it. Raises Invalid."""
    form = request.form
    items = [tuple(item.rpartition(":")[::2]) for item in form.getlist("item")]
    sound = (
        KEY.fullmatch(form.get("key", "")),
        form.get("token") in TOKENS,
        0 < len(items) <= MOST_LINES,
        all(SKU.fullmatch(sku) and PIECES.fullmatch(n) for sku, n in items),
    )
    if not all(sound):
        raise Invalid("the checkout form is not complete")
    return Purchase(form["key"], [(sku, int(n)) for sku, n in items], form["token"], "doubt" in form)


def _explain(shop: Shop, wanted: Purchase, error: ShopError) -> AnyResponse:
    if isinstance(error, Forbidden):
        return _not_admitted(error)
    cart = cart_of_visitor()
    g.pieces = shop.soon(lambda: shop.count(cart))
    match error:
        case Declined():
            return _declined(shop, wanted)
        case Conflict() if error.extra.get("sku"):
            return _sold_out(shop, wanted, str(error.extra["sku"]))
        case TimedOut() | Unavailable() | Conflict():
            return _again(wanted, error)
        case Invalid() | NotFound():
            return page("apology.html", error.status, title="This form is used up", words="used-form")
    raise error


def _again(wanted: Purchase, error: ShopError) -> Response:
    """The same form once more, and why; after a doubt nothing but an order or a refusal of it ends the doubt."""
    doubt = wanted.doubt or not isinstance(error, Unavailable)
    wait_s, by, often = error.extra.get("retry_after_s"), error.extra.get("by"), isinstance(error, TooOften)
    answer = page("again.html", error.status, wanted=wanted, doubt=doubt, wait_s=wait_s, by=by, often=often)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = str(wait_s or SOON_S)
    return answer


def _not_admitted(error: Forbidden) -> AnyResponse:
    if error.extra.get("why") == "too-many":
        detail = "change your cart to one piece of it: then all others in line get one, too"
        return page("apology.html", 403, title="One piece for each turn", words="refused", detail=detail)
    if error.extra.get("why") == "used":
        detail = (
            "with this turn in line something was ordered already, and if it was confirmed, that order stands; "
            "if we did not know yet, it is decided in half a minute: then try again"
        )
        return page("apology.html", 403, title="One order for each turn", words="refused", detail=detail)
    return redirect(str(error.extra.get("waiting_room", "/cart")), 303)


def _declined(shop: Shop, wanted: Purchase) -> Response:
    try:
        return _form(shop.priced(wanted.items), status=402, declined=True)
    except ShopError:
        return page("apology.html", 402, title="Your card was declined", words="declined")


def _sold_out(shop: Shop, wanted: Purchase, sku: str) -> Response:
    left = shop.soon(lambda: shop.stock(sku))
    asked = dict(wanted.items).get(sku, 1)
    try:
        name = shop.product(sku).name
    except ShopError:
        name = sku
    return page("sold_out.html", 409, sku=sku, name=name, asked=asked, left=left())
