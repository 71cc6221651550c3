"""Composition root of the storefront: settings → peers → app → server."""

from flask import Flask

from services.common import lane, shedding
from services.common.flags import follow
from services.common.http import Peers
from services.common.memcached import make_nodes
from services.common.protection import following
from services.common.replica import Service
from services.common.worker import Background
from services.storefront.app import create_app
from services.storefront.flags import FLAGS
from services.storefront.settings import StorefrontSettings
from services.storefront.shop import CHECKOUT, Shop
from services.storefront.switches import following as following_pages


def build(settings: StorefrontSettings, background: Background) -> Flask:
    """Make the parts and put them together."""
    flags = follow(background, (*FLAGS, lane.HOT_ITEM), make_nodes(settings))
    at_once = {CHECKOUT: settings.checkouts_at_once, lane.SERVICE: settings.lane_at_once}
    peers = Peers(settings, following(flags, "storefront"), at_once)
    shop = Shop(peers, settings.optional_s, settings.order_s, lane.following(flags))
    app = create_app(shop, following_pages(flags))
    shedding.obey(app, flags, "storefront")
    return app


service = Service("storefront", StorefrontSettings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
