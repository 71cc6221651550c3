"""Looking around: the shelves, a product, and what others buy."""

from collections.abc import Callable

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from services.storefront.baskets import known
from services.storefront.doorkeeper import cart_of_visitor
from services.storefront.looks import page
from services.storefront.shop import Shop
from services.storefront.switches import Switches

LONGEST_SEARCH = 80
LAST_PAGE = 10_000  # what the catalogue takes


def install(app: Flask, shop: Shop, switches: Callable[[], Switches]) -> None:
    """Add the routes."""

    @app.before_request
    def ask_for_the_basket() -> None:
        """Count the basket's pieces beside the page's own questions, if the page is to show them."""
        if request.endpoint in ("home", "product", "order") and not switches().lite:
            cart = cart_of_visitor()
            g.pieces = shop.soon(lambda: shop.count(cart))

    @app.route("/")
    def home() -> Response:
        text = request.args.get("q", "").strip()[:LONGEST_SEARCH]
        category = request.args.get("category", "")[:40]
        number = min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE)
        shelf = shop.products(text, category, number)
        return page("home.html", shelf=shelf, text=text, category=category)

    @app.route("/sale/<sku>")
    def no_sale(sku: str) -> AnyResponse:
        """There is no waiting room, or the gateway would have asked it: no sale, or it is over."""
        return redirect(f"/products/{known(sku)}", 303)

    @app.route("/products/<sku>")
    def product(sku: str) -> Response:
        seen, nothing = switches(), lambda: None
        needed = not seen.fallbacks
        stock = nothing if seen.lite else shop.soon(lambda: shop.stock(sku, needed))
        liked = shop.soon(lambda: shop.best_sellers(needed)) if needed and seen.extras else nothing
        return page("product.html", product=shop.product(sku), stock=stock(), liked=liked())

    @app.route("/fragments/recommendations")
    def recommendations() -> Response:
        """Always 200: htmx swaps in whatever comes, and this part may be missing. A page that was loaded before the
        extras were switched off still asks.
        """
        if not switches().extras:
            return Response(mimetype="text/html")
        return page("fragments/recommendations.html", products=shop.best_sellers())
