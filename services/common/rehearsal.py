"""A rehearsal before replicas are forked: what each of them would do first, done once in the parent.

A forked replica shares its parent's memory until it writes to it. Python writes a lot when code runs for the first
times: caches fill, the interpreter adapts the bytecode to the types it meets. After a rehearsal that has happened in
pages that all replicas share: some 5 MB less for each.
"""

# mypy: disallow-untyped-calls=False
import contextlib
import threading
from typing import Any

from flask import Flask
from gunicorn.workers.gthread import TConn
from pydantic import BaseModel, Field

from services.common import telemetry
from services.common.errors import ShopError
from services.common.http import Peers
from services.common.protection import forget_calls
from services.common.server import Server, Worker
from services.common.settings import PeerSettings, WebSettings, read
from services.common.shedding import crowd
from services.common.web import create_web, json_answer, problems

ROUNDS = 20  # the interpreter has adapted after about ten
CALLS = (("GET", "/readyz", None), ("GET", "/missing", None), ("POST", "/tea", {"quantity": 1}))


class Path(BaseModel):
    sku: str = Field(pattern="^[a-z]+$", description="any")


class Body(BaseModel):
    quantity: int = Field(ge=1)


def rehearse() -> None:
    """Build an app and call it as services call each other. Leaves no trace, and no thread: the parent may fork."""
    telemetry.configure_logs("rehearsal", "rehearsal")
    worker = Worker(Server(_make_app(), read(WebSettings, {"LISTEN": "127.0.0.1:0"})))
    worker.load_wsgi()
    listener = worker.sockets[0]
    answering = threading.Thread(target=_answer, args=(worker,))
    answering.start()
    peers = Peers(read(PeerSettings, {"PEERS": "{}:{}".format(*listener.getsockname())}))
    for method, path, body in CALLS * ROUNDS:
        with contextlib.suppress(ShopError):
            peers.call(method, path, body)
    answering.join()
    listener.close()
    worker.tmp.close()
    telemetry.forget_requests()
    forget_calls()


def _make_app() -> Flask:
    app = create_web("rehearsal", {})

    @app.post("/<sku>", responses={200: Body, **problems(404)})
    def answer(path: Path, body: Body) -> object:
        return json_answer(body)

    return app


def _answer(worker: Worker) -> None:
    """All calls come on one connection that is kept."""
    worker.sockets[0].setblocking(True)
    accepted, client = worker.sockets[0].accept()
    connection: Any = TConn(worker.cfg, accepted, client, client)
    for _ in CALLS * ROUNDS:
        connection.arrived = crowd.enter()
        worker.handle(connection)
    connection.close()
