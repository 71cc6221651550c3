"""The process of a replica: gunicorn's threaded worker without the arbiter that would start and restart it.

One replica is one process with a fixed number of threads: scale by replicas, see saturation. Restarting is up to
whoever runs the replicas, so an arbiter per replica would only be one more process to start, and 8 MB each.
"""

# mypy: disallow-untyped-calls=False
import os
import signal
from functools import cache
from typing import Any

from flask import Flask
from gunicorn import sock
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from services.common.settings import WebSettings
from services.common.shedding import crowd

KEEPALIVE_S = 75
AS_THE_GATEWAY = {
    "limit_request_line": 8190,
    "limit_request_fields": 8192,  # as many as go into the gateway's four buffers of 8 kB
    "limit_request_field_size": 8192 + 2,  # one buffer, and the end of the line
    "permit_unconventional_http_method": True,
}
"""gunicorn refuses nothing that the gateway lets through: its own refusals are pages without an id, where a caller was
promised a problem document. With a strange method the app answers 405.
"""


@cache
def defaults() -> Config:
    """gunicorn's hundred and more settings. Made once, before replicas are forked, they take 2 MB less for each."""
    return Config()


class Log(Logger):
    """gunicorn's own log."""

    def close_on_exec(self) -> None:
        """A replica starts no program; to ask every logger there is for its files would copy 0.6 MB for nothing."""


logger = cache(Log)


class Server(BaseApplication):
    """gunicorn's configuration and the application behind it. One per process."""

    def __init__(self, app: Flask, settings: WebSettings) -> None:
        self.app, self.settings = app, settings
        super().__init__()

    def load_default_config(self) -> None:
        self.cfg = defaults()

    def load_config(self) -> None:
        options = {
            "bind": self.settings.listen,
            "threads": self.settings.threads,
            "backlog": self.settings.backlog,
            "graceful_timeout": self.settings.graceful_s,
            "keepalive": KEEPALIVE_S,
            "loglevel": "warning",
            "worker_tmp_dir": "/dev/shm",
            **AS_THE_GATEWAY,
            "user": os.geteuid(),  # not those of whoever imported gunicorn
            "group": os.getegid(),
        }
        for name, value in options.items():
            if getattr(self.cfg, name) != value:  # a setting that is written is copied
                self.cfg.set(name, value)  # type: ignore[union-attr]

    def load(self) -> Flask:
        return self.app


class Worker(ThreadWorker):
    """Ends at TERM, and with its parent. Requests in flight, and what is to be done after them, have `graceful_s`."""

    def __init__(self, server: Server) -> None:
        cfg: Any = server.cfg
        log = logger(cfg)
        crowd.threads = cfg.threads
        super().__init__(1, os.getppid(), sock.create_sockets(cfg, log), server, cfg.timeout, cfg, log)

    def enqueue_req(self, conn: Any) -> None:
        """A request has arrived and waits for a thread."""
        conn.arrived = crowd.enter()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """A thread works on it."""
        with crowd.served(conn.arrived):
            return super().handle(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        signal.alarm(self.cfg.graceful_timeout)  # whatever hangs longer, the kernel ends
        super().handle_exit(sig, frame)
