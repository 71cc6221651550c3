"""Payments: settings, parts, server."""

from dataclasses import dataclass

from flask import Flask

from services.common import shedding
from services.common.db import Database
from services.common.flags import follow
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.replica import Service
from services.common.settings import DatabaseSettings, WebSettings
from services.common.worker import Background
from services.payments.app import create_app
from services.payments.charges import Charges
from services.payments.flags import FLAGS
from services.payments.provider import Provider, ProviderTable


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings, MemcachedSettings):
    """All knobs of payments; the provider's are in the database, switched by PUT /internal/payments/provider."""


def build(settings: Settings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "payments", kept=0)
    background.opens(database.open)
    flags = follow(background, FLAGS, make_nodes(settings), database)
    behaviour = ProviderTable(database)
    app = create_app(Charges(database), Provider(behaviour), behaviour, {"database": database.ping})
    shedding.obey(app, flags, "payments")
    return app


service = Service("payments", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
