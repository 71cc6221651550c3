"""Fulfilment: settings, parts, loop, server."""

from dataclasses import dataclass

from flask import Flask

from services.common.consumer import Consumer
from services.common.crash import CrashBeforeAck
from services.common.db import Database
from services.common.flags import follow
from services.common.http import Peers
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.protection import following
from services.common.replica import Service
from services.common.retries import LimitedRetries, Policy, RequeueForever, RetriesInMemory
from services.common.settings import BusSettings, DatabaseSettings, PeerSettings, WebSettings, env
from services.common.worker import Background
from services.fulfilment.app import create_app
from services.fulfilment.flags import FLAGS
from services.fulfilment.shipments import ForgetfulShipments, Shipments
from services.fulfilment.warehouse import PeerOrders, Warehouse

QUEUE = "fulfilment"


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, PeerSettings, DatabaseSettings, MemcachedSettings, BusSettings):
    """All knobs of fulfilment."""

    db_pool: int = env("connections per pool and replica", default=2)


def build(settings: Settings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "fulfilment", kept=0)
    background.opens(database.open)
    flags = follow(background, FLAGS, make_nodes(settings), database)
    books = {True: Shipments(database), False: ForgetfulShipments(database)}
    warehouse = Warehouse(
        lambda: books[flags["fulfilment.idempotent"]],
        PeerOrders(Peers(settings, following(flags, "fulfilment"))),
        lambda: flags["fulfilment.pack_ms"] / 1000,
    )
    policies: dict[str, Policy] = {
        "limited": LimitedRetries(settings, QUEUE),
        "limited_in_memory": RetriesInMemory(settings, QUEUE),
        "requeue_forever": RequeueForever(QUEUE),
    }
    crash = CrashBeforeAck()
    consumer = Consumer(
        settings, QUEUE, warehouse.handle, lambda: policies[flags["fulfilment.retry"]], crash,
        early=lambda: flags["fulfilment.ack"] == "on_delivery",
    )  # fmt: skip
    background.runs("consumer", consumer.run)
    app = create_app(warehouse, settings.peer_total_s, {"database": database.ping, "broker": consumer.check})
    crash.install(app)
    return app


service = Service("fulfilment", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
