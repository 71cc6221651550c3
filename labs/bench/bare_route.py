"""The yardstick of a route: plain Flask in gunicorn with the services' settings, answering ready-made bytes.

Started by its text (`python3 -c`), so that it runs wherever the services' libraries are, whoever may read this folder.
The settings are written down here once more, because labs see the shop only from outside; a test compares them.
"""

import gc
import os
from typing import Any

from flask import Flask, Response
from gunicorn.app.base import BaseApplication

PATH = "/api/bare/products/<sku>"
OPTIONS = {
    "worker_class": "gthread",
    "workers": 1,
    "threads": 8,
    "backlog": 128,
    "graceful_timeout": 5,
    "timeout": 30,
    "keepalive": 75,
    "accesslog": None,
    "errorlog": "-",
    "loglevel": "warning",
    "worker_tmp_dir": "/dev/shm",
    "control_socket_disable": True,
}


def create_app(body: bytes) -> Flask:
    """One route, one answer."""
    app = Flask("bare")

    @app.get(PATH)
    def product(sku: str) -> Response:
        return Response(body, mimetype="application/json")

    return app


class Bare(BaseApplication):
    """gunicorn around it."""

    def load_config(self) -> None:
        for name, value in {**OPTIONS, "bind": os.environ["LISTEN"]}.items():
            self.cfg.set(name, value)  # type: ignore[union-attr]

    def load(self) -> Any:
        return create_app(os.environ["BODY"].encode())


if __name__ == "__main__":
    gc.collect()
    gc.freeze()  # the shop's processes are forked from one that did so
    Bare().run()  # type: ignore[no-untyped-call]
