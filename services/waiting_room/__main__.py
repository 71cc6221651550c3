"""Composition root of the waiting room: settings → line → app → server."""

from dataclasses import dataclass

from flask import Flask

from services.common import shedding
from services.common.db import Database
from services.common.flags import follow
from services.common.http import Peers
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.papers import Papers
from services.common.protection import following
from services.common.replica import Service
from services.common.settings import DatabaseSettings, PeerSettings, WebSettings, env
from services.common.worker import Background, every
from services.waiting_room.app import create_app
from services.waiting_room.flags import FLAGS
from services.waiting_room.line import Line
from services.waiting_room.sales import Sales
from services.waiting_room.stock import Stock


@dataclass(frozen=True, kw_only=True)
class RoomSettings(WebSettings, PeerSettings, DatabaseSettings, MemcachedSettings):
    """The waiting room's knobs."""

    admission_secret: str = env("what tickets and admissions are signed with", name="ADMISSION_SECRET")
    hold_s: float = env("how long an admission is good; its holder may get another", default=120.0, unit="s")
    look_every_s: float = env("rest between two looks at the sale", default=0.4, unit="s")
    stock_every_s: float = env("rest between two questions to inventory", default=1.0, unit="s")


def build(settings: RoomSettings, background: Background) -> Flask:
    """Make the parts and put them together."""
    database = Database(settings, "waiting_room")
    background.opens(database.open)
    flags = follow(background, FLAGS, make_nodes(settings), database)
    stock = Stock(Peers(settings, following(flags, "waiting-room")), lambda: line.sale)
    line = Line(Sales(database), stock, Papers(settings.admission_secret), settings.hold_s)
    background.opens(line.refresh)
    background.runs("sale", every(settings.look_every_s, line.refresh, "sale"))
    background.runs("stock", every(settings.stock_every_s, stock.look, "stock"))
    app = create_app(line, settings.hold_s)
    shedding.obey(app, flags, "waiting-room")
    return app


service = Service("waiting-room", RoomSettings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
