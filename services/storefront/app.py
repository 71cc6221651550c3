"""The storefront's app: the pages, each concern in its own file, in one frame."""

from collections.abc import Callable

from flask import Flask

from services.common.shedding import Tier
from services.common.web import create_web
from services.storefront import apologies, baskets, browsing, checkout, doorkeeper, looks, orders
from services.storefront.shop import Shop
from services.storefront.switches import Switches

CHECKOUT = ("cart", "add", "change", "remove", "checkout", "buy", "order")
TIERS = {"recommendations": Tier.EXTRAS} | dict.fromkeys(CHECKOUT, Tier.CHECKOUT)
"""Pages that matter more or less than looking around does, by endpoint."""


def create_app(shop: Shop, switches: Callable[[], Switches] = Switches) -> Flask:
    """Build the app from its view of the other services; `__main__` makes the real one, tests hand in fake peers.

    It is ready whatever its peers do: a page that says what is missing is better than none.
    """
    app = create_web("storefront", {}, Tier.BROWSE, TIERS, static_folder="static")
    looks.install(app, switches)
    doorkeeper.install(app)
    apologies.install(app)
    browsing.install(app, shop, switches)
    for concern in (baskets, checkout, orders):
        concern.install(app, shop)
    looks.load_templates(app)
    return app
