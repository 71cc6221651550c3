"""The relay: settings, parts, loop, server. It works in the schema of orders, as orders."""

import os
from dataclasses import dataclass

from flask import Flask

from services.common.bus import Publisher
from services.common.db import Database
from services.common.settings import BusSettings, DatabaseSettings, WebSettings, env, own_name, read
from services.common.telemetry import configure_logs
from services.common.web import create_web, serve
from services.common.worker import Background
from services.relay.outbox import Outbox
from services.relay.relay import Relay


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings, BusSettings):
    """All knobs of the relay."""

    threads: int = env("requests worked on at once: health checks and metrics only", default=2)
    db_pool: int = env("connections per pool and replica", default=2)
    relay_poll_s: float = env("rest between two looks into the outbox", default=0.1, unit="s")


def build(settings: Settings, replica: str, background: Background) -> Flask:
    """Make the parts; runs in the process that serves."""
    database, publisher = Database(settings, "orders"), Publisher(settings, replica)
    background.start("relay", Relay(Outbox(database), publisher, settings.relay_poll_s).run)
    return create_web("relay", replica, {"database": database.ping, "broker": publisher.check})


def main() -> None:
    """Serve until TERM."""
    replica = own_name(os.environ, "relay")
    configure_logs("relay", replica)
    settings, background = read(Settings, os.environ), Background()
    serve(lambda: build(settings, replica, background), settings, background.stop)


if __name__ == "__main__":
    main()
