"""Where flags are kept: one document that every service may read, and the list of all flags there are."""

import json
from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from services.cart.flags import FLAGS as CART
from services.catalog.flags import FLAGS as CATALOG
from services.common.flags import Flag
from services.fulfilment.flags import FLAGS as FULFILMENT
from services.inventory.flags import FLAGS as INVENTORY
from services.migrate.places import SERVICES
from services.notifications.flags import FLAGS as NOTIFICATIONS
from services.orders.flags import FLAGS as ORDERS
from services.payments.flags import FLAGS as PAYMENTS
from services.recommendations.flags import FLAGS as RECOMMENDATIONS
from services.relay.flags import FLAGS as RELAY
from services.storefront.flags import FLAGS as STOREFRONT
from services.waiting_room.flags import FLAGS as WAITING_ROOM

GATEWAY = (
    Flag(
        name="gateway.health_checks",
        default="deep",
        choices=("off", "shallow", "deep"),
        help="what a replica must answer to get requests: nothing, /livez, or /readyz",
    ),
    Flag(
        name="gateway.health_floor",
        default=50.0,
        unit="%",
        help="share of a service's replicas; when fewer would be left, none is taken out",
    ),
    Flag(
        name="gateway.rate_limits",
        default="visitors",
        choices=("off", "visitors", "everybody"),
        help="whose requests are limited, by client address: nobody's, those of all but the shop's own machine, or all",
    ),
    Flag(
        name="gateway.rate_per_s",
        default=10,
        unit="requests/s",
        help="how many one address may send, at least 1; static files and pictures do not count",
    ),
    Flag(name="gateway.rate_burst", default=50, unit="requests", help="how many more at once, after a rest"),
)
"""Obeyed by control, which tells the gateway."""

POSTGRES = (
    Flag(
        name="postgres.failover",
        default="off",
        choices=("off", "promote", "rebuild"),
        help="what becomes of a primary that is gone: nothing, the replica takes its place, or it is brought back as a "
        "replica as well",
    ),
    Flag(
        name="postgres.synchronous",
        default=False,
        help="whether a commit waits until the replica has it on disk, and so for ever while there is none",
    ),
)
"""Obeyed by control, which keeps the values it knew last while Postgres is away."""

FLAGS: tuple[Flag, ...] = (
    *CART,
    *CATALOG,
    *FULFILMENT,
    *GATEWAY,
    *INVENTORY,
    *NOTIFICATIONS,
    *ORDERS,
    *PAYMENTS,
    *POSTGRES,
    *RECOMMENDATIONS,
    *RELAY,
    *STOREFRONT,
    *WAITING_ROOM,
)

TABLES = """
create schema if not exists flags;
create table if not exists flags.document (
    only_one boolean primary key default true check (only_one), version bigint not null, settings jsonb not null
);
create table if not exists flags.catalogue (
    name text primary key, preset jsonb not null, help text not null, unit text not null, choices text[] not null
);
truncate flags.catalogue;
"""


def make_flags(connection: Connection[Any], flags: Sequence[Flag] = FLAGS) -> None:
    """Make the tables, list the flags; harmless when repeated. What was set stays set."""
    connection.execute(TABLES.encode())
    for service in SERVICES:
        role = Identifier(service)
        connection.execute(SQL("grant usage on schema flags to {}").format(role))
        connection.execute(SQL("grant select on flags.document to {}").format(role))
    connection.cursor().executemany(
        "insert into flags.catalogue values (%s, %s, %s, %s, %s)",
        [(flag.name, json.dumps(flag.default), flag.help, flag.unit, list(flag.choices)) for flag in flags],
    )
