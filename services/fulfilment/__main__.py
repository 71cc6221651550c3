"""Fulfilment: settings, parts, loop, server."""

from dataclasses import dataclass

from flask import Flask

from services.common import shedding
from services.common.bus import LANES, home_of
from services.common.consumer import Consumer, Leftovers
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


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, PeerSettings, DatabaseSettings, MemcachedSettings, BusSettings):
    """All knobs of fulfilment."""

    db_pool: int = env("connections per pool and replica", default=2)
    queue: str = env("the queue it packs from", default="fulfilment")


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
    home = home_of(settings.queue)
    policies: dict[str, Policy] = {
        "limited": LimitedRetries(settings, home),
        "limited_in_memory": RetriesInMemory(settings, home),
        "requeue_forever": RequeueForever(home),
    }
    policy, crash = lambda: policies[flags["fulfilment.retry"]], CrashBeforeAck()
    consumer = Consumer(
        settings, settings.queue, warehouse.handle, policy, crash,
        early=lambda: flags["fulfilment.ack"] == "on_delivery",
    )  # fmt: skip
    background.runs("consumer", consumer.run)
    if lane := LANES.get(settings.queue):
        background.runs("leftovers", Leftovers(settings, lane, warehouse.handle, policy, crash).run)
    app = create_app(warehouse, settings.peer_total_s, {"database": database.ping, "broker": consumer.check})
    shedding.obey(app, flags, "fulfilment")
    crash.install(app)
    return app


service = Service("fulfilment", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
