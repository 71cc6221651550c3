"""Composition root of the catalogue: settings → pools → app → server."""

from dataclasses import dataclass

from flask import Flask

from services.catalog.app import create_app
from services.catalog.browsing import Browsing
from services.catalog.flags import FLAGS
from services.catalog.products import Products
from services.common import shedding
from services.common.cache import Cache, Habits
from services.common.db import Database
from services.common.flags import Flags, follow
from services.common.memcached import MemcachedSettings, Patience, make_nodes
from services.common.placement import chosen
from services.common.rate_limit import Rate, RateLimit
from services.common.replica import Service
from services.common.settings import DatabaseSettings, WebSettings, env
from services.common.worker import Background


@dataclass(frozen=True, kw_only=True)
class CatalogSettings(WebSettings, DatabaseSettings, MemcachedSettings):
    """The catalogue's knobs."""

    list_ttl_s: float = env("how long a list or search is cached at most", default=20.0, unit="s")
    missing_ttl_s: float = env("how long it is remembered that a product does not exist", default=5.0, unit="s")


def build(settings: CatalogSettings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "catalog", reads=True, kept=0)
    background.opens(database.open)
    flags = follow(background, FLAGS, make_nodes(settings), database)
    nodes = make_nodes(settings, lambda: patience(flags))
    place = chosen(nodes, lambda: flags["catalog.placement"])
    cache = Cache("catalog", nodes, place, missing_s=settings.missing_ttl_s, habits=lambda: habits(flags))
    products = Products(database, lambda: flags["catalog.origin_ms"] / 1000)
    searches = RateLimit("search", nodes, lambda: Rate(flags["catalog.rate_limit"], 1.0))
    browsing = Browsing(products, cache, lambda: flags["catalog.ttl_s"], settings.list_ttl_s, searches.admit)
    app = create_app(browsing, {"database": database.ping_any})
    shedding.obey(app, flags, "catalog")
    return app


def patience(flags: Flags) -> Patience:
    """How long the cache is waited for right now. (The flags themselves are read with the settings' patience: who waits
    for ever must still hear that it should not.)
    """
    return Patience(flags["catalog.cache_wait_ms"] / 1000, flags["catalog.cache_out_s"])


def habits(flags: Flags) -> Habits:
    """How the cache is used right now."""
    return Habits(
        single_flight=flags["catalog.single_flight"],
        jitter=flags["catalog.ttl_jitter"],
        early_refresh=flags["catalog.early_refresh"],
    )


service = Service("catalog", CatalogSettings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
