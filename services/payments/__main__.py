"""Payments: settings, parts, server."""

import os
from dataclasses import dataclass

from flask import Flask

from services.common.db import Database
from services.common.settings import DatabaseSettings, WebSettings, own_name, read
from services.common.telemetry import configure_logs
from services.common.web import serve
from services.payments.app import create_app
from services.payments.charges import Charges
from services.payments.provider import Provider, ProviderTable


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, DatabaseSettings):
    """All knobs of payments; the provider's are in the database, switched by PUT /internal/payments/provider."""


def build(settings: Settings, replica: str) -> Flask:
    """Make the parts; runs in the process that serves."""
    database = Database(settings, "payments")
    behaviour = ProviderTable(database)
    return create_app(Charges(database), Provider(behaviour), behaviour, replica, {"database": database.ping})


def main() -> None:
    """Serve until TERM."""
    replica = own_name(os.environ, "payments")
    configure_logs("payments", replica)
    settings = read(Settings, os.environ)
    serve(lambda: build(settings, replica), settings)


if __name__ == "__main__":
    main()
