"""Composition root of the catalogue: settings → pools → app → server."""

import os
from dataclasses import dataclass

from flask_openapi import OpenAPI

from services.catalog.app import create_app
from services.catalog.browsing import Browsing
from services.catalog.products import Products
from services.common.cache import Cache
from services.common.db import Database
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.settings import DatabaseSettings, WebSettings, env, own_name, read
from services.common.telemetry import configure_logs
from services.common.web import serve


@dataclass(frozen=True, kw_only=True)
class CatalogSettings(WebSettings, DatabaseSettings, MemcachedSettings):
    """The catalogue's knobs."""

    product_ttl_s: float = env("how long a product and its picture are cached at most", default=60.0, unit="s")
    list_ttl_s: float = env("how long a list or search is cached at most", default=20.0, unit="s")
    missing_ttl_s: float = env("how long it is remembered that a product does not exist", default=5.0, unit="s")


def build(settings: CatalogSettings, name: str) -> OpenAPI:
    """Make the parts and put them together. Starts threads (the pools'), so it belongs behind the fork."""
    database = Database(settings, "catalog", reads=True)
    cache = Cache("catalog", make_nodes(settings), missing_s=settings.missing_ttl_s)
    browsing = Browsing(Products(database), cache, settings.product_ttl_s, settings.list_ttl_s)
    return create_app(browsing, {"database": database.ping_any}, name)


def main() -> None:
    """Serve the catalogue until TERM."""
    name = own_name(os.environ, "catalog")
    configure_logs("catalog", name)
    settings = read(CatalogSettings, os.environ)
    serve(lambda: build(settings, name), settings)


if __name__ == "__main__":
    main()
