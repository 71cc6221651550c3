"""A rehearsal before replicas are forked: what each of them would do first, done once in the parent.

A forked replica shares its parent's memory until it writes to it. Python writes a lot when code runs for the first
times: caches fill, the interpreter adapts the bytecode to the types it meets. After a rehearsal that has happened in
pages that all replicas share: 4 MB less for each.
"""

# mypy: disallow-untyped-calls=False
import contextvars
import socket

from gunicorn.workers.gthread import TConn
from pydantic import BaseModel, Field

from services.common import telemetry
from services.common.server import Server, Worker
from services.common.settings import WebSettings
from services.common.web import create_web, json_answer, problems

ROUNDS = 20  # the interpreter has adapted after about ten
REQUESTS = (b"GET /livez", b"GET /readyz", b"GET /metrics", b"GET /missing", b"POST /tea")
REST = (
    b" HTTP/1.1\r\nHost: any\r\nConnection: close\r\n"
    b'Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{"quantity":1}'
)


class Path(BaseModel):
    sku: str = Field(pattern="^[a-z]+$", description="any")


class Body(BaseModel):
    quantity: int = Field(ge=1)


def rehearse() -> None:
    """Build an app and answer requests, with the worker's own code, on no port and with no thread. Leaves no trace."""
    contextvars.copy_context().run(_rehearse)
    telemetry.REQUEST_SECONDS.clear()


def _rehearse() -> None:
    telemetry.configure_logs("rehearsal", "rehearsal")
    app = create_web("rehearsal", "rehearsal", {})

    @app.post("/<sku>", responses={200: Body, **problems(404)})
    def answer(path: Path, body: Body) -> object:
        return json_answer(body)

    worker = Worker(Server(lambda: app, WebSettings(listen="127.0.0.1:0", threads=8, backlog=1, graceful_s=1)))
    worker.wsgi = app
    for _ in range(ROUNDS):
        for request in REQUESTS:
            _ask(worker, request + REST)
    worker.tmp.close()
    for listener in worker.sockets:
        listener.close()


def _ask(worker: Worker, request: bytes) -> None:
    client, server = socket.socketpair()
    with client, server:
        client.sendall(request)
        worker.handle(TConn(worker.cfg, server, ("127.0.0.1", 1), ("127.0.0.1", 1)))
