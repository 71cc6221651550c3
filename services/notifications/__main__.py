"""Notifications: settings, parts, loop, server."""

from dataclasses import dataclass

from flask import Flask

from services.common import shedding
from services.common.consumer import Consumer
from services.common.crash import CrashBeforeAck
from services.common.db import Database
from services.common.flags import follow
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.replica import Service
from services.common.settings import BusSettings, DatabaseSettings, WebSettings, env
from services.common.worker import Background
from services.notifications.app import create_app
from services.notifications.flags import FLAGS
from services.notifications.letters import write_to
from services.notifications.messages import Messages


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings, MemcachedSettings, BusSettings):
    """All knobs of notifications."""

    db_pool: int = env("connections per pool and replica", default=4)


def build(settings: Settings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "notifications", kept=0)
    background.opens(database.open)
    flags = follow(background, FLAGS, make_nodes(settings), database)
    messages = Messages(database)
    crash = CrashBeforeAck()
    consumer = Consumer(settings, "notifications", lambda event: write_to(messages, event), before_ack=crash)
    background.runs("consumer", consumer.run)
    app = create_app(messages, {"database": database.ping, "broker": consumer.check})
    shedding.obey(app, flags, "notifications")
    crash.install(app)
    return app


service = Service("notifications", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
