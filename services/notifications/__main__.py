"""Notifications: settings, parts, loop, server."""

import os
from dataclasses import dataclass

from flask import Flask

from services.common.consumer import Consumer
from services.common.db import Database
from services.common.settings import BusSettings, DatabaseSettings, WebSettings, env, own_name, read
from services.common.telemetry import configure_logs
from services.common.web import serve
from services.common.worker import Background
from services.notifications.app import create_app
from services.notifications.letters import write_to
from services.notifications.messages import Messages


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings, BusSettings):
    """All knobs of notifications."""

    db_pool: int = env("connections per pool and replica", default=4)


def build(settings: Settings, replica: str, background: Background) -> Flask:
    """Make the parts; runs in the process that serves."""
    database = Database(settings, "notifications")
    messages = Messages(database)
    consumer = Consumer(settings, "notifications", replica, lambda event: write_to(messages, event))
    background.start("consumer", consumer.run)
    return create_app(messages, replica, {"database": database.ping, "broker": consumer.check})


def main() -> None:
    """Serve until TERM."""
    replica = own_name(os.environ, "notifications")
    configure_logs("notifications", replica)
    settings, background = read(Settings, os.environ), Background()
    serve(lambda: build(settings, replica, background), settings, background.stop)


if __name__ == "__main__":
    main()
