"""Inventory: settings, parts, server."""

import time
from dataclasses import dataclass

from flask import Flask

from services.common import shedding
from services.common.db import Database
from services.common.flags import follow
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.replica import Service
from services.common.settings import DatabaseSettings, WebSettings, env
from services.common.worker import Background, every
from services.inventory.app import create_app
from services.inventory.flags import FLAGS
from services.inventory.stock import Stock
from services.inventory.strategies import STRATEGIES
from services.inventory.sweeper import sweep


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings, MemcachedSettings):
    """All knobs of inventory."""

    db_pool: int = env("connections per pool and replica", default=8)
    reservation_s: float = env("how long pieces are held for somebody who is paying", default=60.0, unit="s")
    sweep_s: float = env("rest between two looks for expired reservations", default=1.0, unit="s")


def build(settings: Settings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "inventory")
    background.opens(database.open)
    flags = follow(background, FLAGS, make_nodes(settings), database)
    stock = Stock(
        database,
        settings.reservation_s,
        lambda: STRATEGIES[flags["inventory.stock"]],
        lambda: time.sleep(flags["inventory.decide_ms"] / 1000),
    )
    background.runs("sweeper", every(settings.sweep_s, lambda: sweep(stock), "sweeper"))
    app = create_app(stock, {"database": database.ping})
    shedding.obey(app, flags, "inventory")
    return app


service = Service("inventory", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
