"""Control's HTTP interface: JSON in, JSON out, for whoever holds the shop's token.

It can kill processes, so: loopback only, a bearer token, and the `Host` and `Origin` a browser would send are
checked; there is no CORS. What can be asked for is in `routes`.
"""

import hmac
from typing import Any

import psycopg
from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from compose.gateway import SpecInvalid
from compose.runtime.verbs import RuntimeFailed, UnknownComponent, first_line
from labs.control.flags import UnknownFlag
from labs.control.routes import breaking, operating, postgres, reading, selling
from labs.control.shop import RunningShop
from labs.faults.fault import UnknownFault


def create_api(shop: RunningShop, token: str, control_url: str) -> Flask:
    """The app: who is let in, which error is which status, and the routes."""
    app = Flask(__name__)
    host = control_url.removeprefix("http://")

    @app.before_request
    def admit() -> None:
        given = request.headers.get("Authorization", "")
        if request.host != host or request.headers.get("Origin", control_url) != control_url:
            abort(403, "this address is for the shop's own tools")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            abort(401, "the token of the shop is needed")

    @app.errorhandler(UnknownComponent)
    @app.errorhandler(UnknownFault)
    @app.errorhandler(UnknownFlag)
    @app.errorhandler(SpecInvalid)
    def unknown(error: Exception) -> tuple[Response, int]:
        return jsonify(error=str(error)), 404

    @app.errorhandler(RuntimeFailed)
    def failed(error: RuntimeFailed) -> tuple[Response, int]:
        return jsonify(error=str(error)), 409

    @app.errorhandler(psycopg.Error)
    def refused_by_postgres(error: psycopg.Error) -> tuple[Response, int]:
        return jsonify(error=f"Postgres did not do it: {first_line(error)}"), 409

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @app.get("/status")
    def status() -> Any:
        return shop.status(control_url, memory="memory" in request.args)

    for routes in (operating, breaking, postgres, selling, reading):
        routes.install(app, shop)
    return app
