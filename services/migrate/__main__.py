"""Makes the database fit for the shop: roles, schemas, tables, seed. Every part is harmless when repeated.

python -m services.migrate            after every start
python -m services.migrate --reset    the same, and everything that happened since is forgotten
"""

import logging
import os
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from services.common.settings import env, read, split
from services.common.telemetry import configure_logs, log
from services.migrate.flags import make_flags
from services.migrate.places import SERVICES, empty_tables, make_places
from services.migrate.seed import products, seed
from services.migrate.tables import make_tables

PRIMARY_WITHIN_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All knobs of migrate."""

    postgres: tuple[str, ...] = env("host:port of every Postgres node, comma separated", name="POSTGRES")
    admin_password: str = env("password of shop_admin", name="ADMIN_PASSWORD")
    catalog: str = env("password of the role catalog", name="CATALOG_DB_PASSWORD")
    inventory: str = env("password of the role inventory", name="INVENTORY_DB_PASSWORD")
    payments: str = env("password of the role payments", name="PAYMENTS_DB_PASSWORD")
    orders: str = env("password of the role orders", name="ORDERS_DB_PASSWORD")
    fulfilment: str = env("password of the role fulfilment", name="FULFILMENT_DB_PASSWORD")
    notifications: str = env("password of the role notifications", name="NOTIFICATIONS_DB_PASSWORD")

    waiting_room: str = env("password of the role waiting_room", name="WAITING_ROOM_DB_PASSWORD")

    @property
    def passwords(self) -> Mapping[str, str]:
        """Role to password."""
        return {service: getattr(self, service) for service in SERVICES}


def administrator(settings: Settings) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the node that takes writes, which may be the last to start; gives up after 5 s per lock."""
    deadline = time.monotonic() + PRIMARY_WITHIN_S
    while True:
        try:
            return connect(settings)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def connect(settings: Settings) -> psycopg.Connection[tuple[object, ...]]:
    """The same, if it is there by now; gives up after 2 s per node."""
    hosts, ports = zip(*map(split, settings.postgres), strict=True)
    return psycopg.connect(
        host=",".join(hosts),
        port=",".join(map(str, ports)),
        dbname="shop",
        user="shop_admin",
        password=settings.admin_password,
        target_session_attrs="read-write",
        connect_timeout=2,
        options="-c lock_timeout=5s -c synchronous_commit=local",  # the replica may come later
    )


def migrate(settings: Settings, reset: bool) -> None:
    """Make what is missing. Services do not wait for each other's tables, so they are made side by side."""
    with administrator(settings) as connection:
        make_places(connection, settings.passwords)
        make_flags(connection)
        connection.commit()
        address = f"{connection.info.host}:{connection.info.port}"
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            jobs = {name: pool.submit(make_tables, name, address, settings.passwords[name]) for name in SERVICES}
        applied = {name: job.result() for name, job in jobs.items()}
        if reset:
            empty_tables(connection)
        seed(connection, products())
    log().info("migrated", applied=applied, reset=reset)


def main() -> None:
    """Migrate and end."""
    configure_logs("migrate", "migrate")
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    migrate(read(Settings, os.environ), reset="--reset" in sys.argv[1:])


if __name__ == "__main__":
    main()
