"""The relay: settings, parts, loop, server. It works in the schema of orders, as orders."""

from dataclasses import dataclass

from flask import Flask

from services.common.bus import Publisher
from services.common.db import Database
from services.common.flags import follow
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.replica import Service
from services.common.settings import BusSettings, DatabaseSettings, WebSettings, env
from services.common.web import create_web
from services.common.worker import Background
from services.relay.careless import CarelessPublisher
from services.relay.flags import FLAGS
from services.relay.outbox import Outbox
from services.relay.relay import Relay


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings, MemcachedSettings, BusSettings):
    """All knobs of the relay."""

    threads: int = env("requests worked on at once: health checks and metrics only", default=2)
    db_pool: int = env("connections per pool and replica", default=2)
    relay_poll_s: float = env("rest between two looks into the outbox", default=0.1, unit="s")


def build(settings: Settings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database, publishers = Database(settings, "orders"), {True: Publisher(settings), False: CarelessPublisher(settings)}
    background.opens(database.open)
    flags = follow(background, FLAGS, make_nodes(settings), database)

    def publisher() -> Publisher:
        return publishers[flags["relay.confirms"]]

    background.runs("relay", Relay(Outbox(database), publisher, settings.relay_poll_s).run)
    return create_web("relay", {"database": database.ping, "broker": lambda: publisher().check()})


service = Service("relay", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
