"""Inventory: settings, parts, server."""

import os
from dataclasses import dataclass

from flask import Flask

from services.common.db import Database
from services.common.settings import DatabaseSettings, WebSettings, env, own_name, read
from services.common.telemetry import configure_logs
from services.common.web import serve
from services.common.worker import Background, every
from services.inventory.app import create_app
from services.inventory.stock import Stock
from services.inventory.sweeper import sweep


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings):
    """All knobs of inventory."""

    reservation_s: float = env("how long pieces are held for somebody who is paying", default=60.0, unit="s")
    sweep_s: float = env("rest between two looks for expired reservations", default=1.0, unit="s")


def build(settings: Settings, replica: str, background: Background) -> Flask:
    """Make the parts; runs in the process that serves."""
    database = Database(settings, "inventory")
    stock = Stock(database, settings.reservation_s)
    background.start("sweeper", every(settings.sweep_s, lambda: sweep(stock), "sweeper"))
    return create_app(stock, replica, {"database": database.ping})


def main() -> None:
    """Serve until TERM."""
    replica = own_name(os.environ, "inventory")
    configure_logs("inventory", replica)
    settings, background = read(Settings, os.environ), Background()
    serve(lambda: build(settings, replica, background), settings, background.stop)


if __name__ == "__main__":
    main()
