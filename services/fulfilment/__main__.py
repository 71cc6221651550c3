"""Fulfilment: settings, parts, loop, server."""

from dataclasses import dataclass

from flask import Flask

from services.common.consumer import Consumer
from services.common.db import Database
from services.common.http import Peers
from services.common.replica import Service
from services.common.settings import BusSettings, DatabaseSettings, PeerSettings, WebSettings, env
from services.common.web import create_web
from services.common.worker import Background
from services.fulfilment.shipments import Shipments
from services.fulfilment.warehouse import PeerOrders, Warehouse


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, PeerSettings, DatabaseSettings, BusSettings):
    """All knobs of fulfilment."""

    threads: int = env("requests worked on at once: health checks and metrics only", default=2)
    db_pool: int = env("connections per pool and replica", default=2)
    pack_ms: float = env("how long packing one order takes", default=5.0, unit="ms")


def build(settings: Settings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "fulfilment")
    background.opens(database.open)
    warehouse = Warehouse(Shipments(database), PeerOrders(Peers(settings)), settings.pack_ms)
    consumer = Consumer(settings, "fulfilment", warehouse.handle)
    background.runs("consumer", consumer.run)
    return create_web("fulfilment", {"database": database.ping, "broker": consumer.check})


service = Service("fulfilment", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
