"""Orders: settings, parts, server."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from flask import Flask

from services.common import lane, shedding
from services.common.db import Database
from services.common.flags import follow
from services.common.http import Peers
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.papers import Papers
from services.common.protection import following
from services.common.replica import Service
from services.common.settings import DatabaseSettings, PeerSettings, WebSettings, env
from services.common.worker import Background, every
from services.orders.app import create_app
from services.orders.at_once import AtOnce
from services.orders.attempts import Attempts
from services.orders.checkout import Checkout
from services.orders.door import Door
from services.orders.flags import FLAGS
from services.orders.handover import Handover
from services.orders.ids import ids
from services.orders.intake import Intake
from services.orders.orders import Orders
from services.orders.peers import Catalog, Fulfilment, Inventory, Payments
from services.orders.reconciler import Reconciler
from services.orders.rounds import Bounds, Rounds
from services.orders.turnstile import Turnstile

AT_A_TIME = 8
"""Checkouts in the background, where that is asked for."""


@dataclass(frozen=True, kw_only=True)
class Settings(WebSettings, PeerSettings, DatabaseSettings, MemcachedSettings):
    """All knobs of orders."""

    admission_secret: str = env("what admissions and orders' ids are signed with", name="ADMISSION_SECRET")
    checkout_s: float = env("bound on a whole checkout, below the gateway's own", default=3.6, unit="s")
    payment_s: float = env("bound on charging or refunding", default=2.0, unit="s")
    settle_after_s: float = env("age at which an unfinished attempt is settled", default=10.0, unit="s")
    settle_every_s: float = env("rest between two looks for unfinished attempts", default=1.0, unit="s")
    lane: bool = env("whether this is a replica of the lane of a sale's item", default=False)


def build(settings: Settings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "orders", reads=True)
    background.opens(database.open)
    nodes = make_nodes(settings)
    flags = follow(background, FLAGS, nodes, database)
    peers = Peers(settings, following(flags, "orders"))
    leads = lane.following(flags)
    orders = Orders(database, lambda: flags["orders.read_your_writes"], leads, settings.lane)
    attempts, payments = Attempts(database), Payments(peers)
    bounds = Bounds(settings.peer_total_s, settings.payment_s)
    intake = Intake(orders.backlog, lambda: flags["orders.intake"], lambda: flags["orders.intake_limit_s"])
    id_of = ids(settings.admission_secret)
    rounds = Rounds(attempts, orders, Inventory(peers), payments, bounds, id_of, intake.promise)
    handover = Handover(orders, Fulfilment(peers), lambda: flags["orders.ship_in_request"], settings.peer_total_s)
    door = Door(Papers(settings.admission_secret), lambda: str(flags["orders.admission"]))
    checkout = Checkout(
        attempts, orders, Catalog(peers), rounds, door, intake, handover, settings.checkout_s, settings.peer_total_s
    )
    reconciler = Reconciler(
        attempts, rounds, payments, settings.settle_after_s, settings.checkout_s, settings.peer_total_s
    )
    background.runs("reconciler", every(settings.settle_every_s, reconciler.reconcile, "reconciler"))

    def key_of(key: str) -> str:
        return key if flags["orders.idempotent"] else f"{key}~{secrets.token_hex(8)}"

    at_once = AtOnce(
        checkout, attempts, orders, rounds, settings.checkout_s, lambda: flags["orders.confirm"] == "at_once",
        ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="later"),
    )  # fmt: skip
    turnstile = Turnstile(nodes, lambda: flags["orders.rate_limit"])
    app = create_app(at_once, orders, {"database": database.ping}, key_of, at_once.find, turnstile.admit, leads)
    shedding.obey(app, flags, "orders")
    return app


service = Service("orders", Settings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
