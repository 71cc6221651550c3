"""The storefront's app: the pages, each concern in its own file, in one frame."""

from flask import Flask

from services.common.web import create_web
from services.storefront import apologies, baskets, browsing, checkout, doorkeeper, looks, orders
from services.storefront.shop import Shop


def create_app(shop: Shop) -> Flask:
    """Build the app from its view of the other services; `__main__` makes the real one, tests hand in fake peers.

    It is ready whatever its peers do: a page that says what is missing is better than none.
    """
    app = create_web("storefront", ready={}, static_folder="static")
    looks.install(app)
    doorkeeper.install(app)
    apologies.install(app)
    for concern in (browsing, baskets, checkout, orders):
        concern.install(app, shop)
    looks.load_templates(app)
    return app
