"""Inventory: settings, parts, server."""

from dataclasses import dataclass

from flask import Flask

from services.common.db import Database
from services.common.replica import Service
from services.common.settings import DatabaseSettings, WebSettings, env
from services.common.worker import Background, every
from services.inventory.app import create_app
from services.inventory.stock import Stock
from services.inventory.sweeper import sweep


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings):
    """All knobs of inventory."""

    reservation_s: float = env("how long pieces are held for somebody who is paying", default=60.0, unit="s")
    sweep_s: float = env("rest between two looks for expired reservations", default=1.0, unit="s")


def build(settings: Settings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "inventory")
    background.opens(database.open)
    stock = Stock(database, settings.reservation_s)
    background.runs("sweeper", every(settings.sweep_s, lambda: sweep(stock), "sweeper"))
    return create_app(stock, {"database": database.ping})


service = Service("inventory", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
