"""Composition root of the storefront: settings, peers, app, server."""

import os

from services.common.http import Peers
from services.common.settings import own_name, read
from services.common.telemetry import configure_logs
from services.common.web import serve
from services.storefront.app import create_app
from services.storefront.settings import StorefrontSettings
from services.storefront.shop import Shop


def main() -> None:
    """Serve the pages until TERM."""
    replica = own_name(os.environ, "storefront")
    configure_logs("storefront", replica)
    settings = read(StorefrontSettings, os.environ)
    serve(lambda: create_app(Shop(Peers(settings), settings.optional_s, settings.order_s), replica), settings)


if __name__ == "__main__":
    main()
