"""Fulfilment: settings, parts, loop, server."""

import os
from dataclasses import dataclass

from flask import Flask

from services.common.consumer import Consumer
from services.common.db import Database
from services.common.http import Peers
from services.common.settings import BusSettings, DatabaseSettings, PeerSettings, WebSettings, env, own_name, read
from services.common.telemetry import configure_logs
from services.common.web import create_web, serve
from services.common.worker import Background
from services.fulfilment.shipments import Shipments
from services.fulfilment.warehouse import PeerOrders, Warehouse


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, PeerSettings, DatabaseSettings, BusSettings):
    """All knobs of fulfilment."""

    threads: int = env("requests worked on at once: health checks and metrics only", default=2)
    db_pool: int = env("connections per pool and replica", default=2)
    pack_ms: float = env("how long packing one order takes", default=5.0, unit="ms")


def build(settings: Settings, replica: str, background: Background) -> Flask:
    """Make the parts; runs in the process that serves."""
    database = Database(settings, "fulfilment")
    warehouse = Warehouse(Shipments(database), PeerOrders(Peers(settings)), settings.pack_ms)
    consumer = Consumer(settings, "fulfilment", replica, warehouse.handle)
    background.start("consumer", consumer.run)
    return create_web("fulfilment", replica, {"database": database.ping, "broker": consumer.check})


def main() -> None:
    """Serve until TERM."""
    replica = own_name(os.environ, "fulfilment")
    configure_logs("fulfilment", replica)
    settings, background = read(Settings, os.environ), Background()
    serve(lambda: build(settings, replica, background), settings, background.stop)


if __name__ == "__main__":
    main()
