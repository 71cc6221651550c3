"""The catalogue's routes."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from flask import Response, request
from flask_openapi import OpenAPI

from services.catalog.browsing import Browsing
from services.catalog.models import Categories, OneProduct, Page, Product, Search
from services.common.shedding import Tier
from services.common.web import Check, create_web, problems

SVG: dict[str | int, Any] = {
    200: {"description": "The picture", "content": {"image/svg+xml": {"schema": {"type": "string"}}}},
    304: None,
}


def create_app(browsing: Browsing, ready: Mapping[str, Check]) -> OpenAPI:
    """Build the catalogue from its parts; `__main__` makes the real ones, tests pass fakes."""
    app = create_web("catalog", ready, Tier.BROWSE)

    @app.get("/api/catalog/products", responses={200: Page, **problems(422, 429, 503, 504)})
    def products(query: Search) -> Response:
        """List or search products, 24 a page."""
        return Response(browsing.page(query.q, query.category, query.page), mimetype="application/json")

    @app.get("/api/catalog/products/<sku>", responses={200: Product, **problems(404, 422, 503, 504)})
    def product(path: OneProduct) -> Response:
        """One product."""
        return Response(browsing.product(path.sku), mimetype="application/json")

    @app.get("/api/catalog/categories", responses={200: Categories, **problems(503, 504)})
    def categories() -> Response:
        """All categories."""
        return Response(browsing.categories(), mimetype="application/json")

    @app.get("/api/catalog/pictures/<sku>.svg", responses={**SVG, **problems(404, 422, 503, 504)})
    def picture(path: OneProduct) -> Response:
        """A product's picture; a browser may keep it for a day, and then ask whether it has changed."""
        drawn = browsing.picture(path.sku)
        answer = Response(drawn, mimetype="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})
        answer.set_etag(sha256(drawn).hexdigest()[:16])
        answer.make_conditional(request)
        return answer

    return app
