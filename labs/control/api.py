"""Control's HTTP interface: JSON in, JSON out, for whoever holds the shop's token.

It can kill processes, so: loopback only, a bearer token, and the `Host` and `Origin` a browser would send are
checked; there is no CORS.
"""

import hmac
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, jsonify, request

from compose.gateway import SpecInvalid
from compose.runtime.verbs import RuntimeFailed, UnknownComponent
from labs.control.shop import RunningShop
from labs.faults.fault import UnknownFault


def create_api(shop: RunningShop, token: str, control_url: str, leave: Callable[[], None]) -> Flask:
    """The app. `leave` ends the daemon, and with it the shop."""
    app = Flask(__name__)
    host = control_url.removeprefix("http://")

    @app.before_request
    def admit() -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.host != host or request.headers.get("Origin", control_url) != control_url:
            abort(403, "this address is for the shop's own tools")
        if not hmac.compare_digest(given.encode(), token.encode()):
            abort(401, "the token of the shop is needed")

    @app.errorhandler(UnknownComponent)
    @app.errorhandler(UnknownFault)
    @app.errorhandler(SpecInvalid)
    def unknown(error: Exception) -> tuple[Response, int]:
        return jsonify(error=str(error)), 404

    @app.errorhandler(RuntimeFailed)
    def failed(error: RuntimeFailed) -> tuple[Response, int]:
        return jsonify(error=str(error)), 409

    @app.get("/status")
    def status() -> Any:
        return shop.status(control_url)

    @app.post("/scale")
    def scale() -> Any:
        shop.scale(_given("service"), int(_given("replicas")))
        return {}

    @app.post("/balance")
    def balance() -> Any:
        return shop.balance(_given("service"), _given("policy"), _given("weights", {}))

    @app.post("/break")
    def break_() -> Any:
        entry = shop.break_(_given("fault"), _given("target"), _given("given", {}), float(_given("for_s", 0)))
        return {"fault": entry.fault, "target": entry.target, "given": entry.given}

    @app.post("/heal")
    def heal() -> Any:
        return {"left": shop.heal()}

    @app.post("/reset")
    def reset() -> Any:
        shop.reset()
        return {}

    @app.post("/check")
    def check() -> Any:
        return {"invariants": shop.check(float(_given("settle_s", 20)))}

    @app.get("/logs")
    def logs() -> Any:
        lines = list(shop.logs(request.args.get("component") or None, int(request.args.get("tail", 50))))
        return {"lines": lines}

    @app.post("/down")
    def down() -> Any:
        leave()
        return {}

    return app


def _given(name: str, default: Any = None) -> Any:
    """A member of the request's JSON body."""
    value = (request.get_json(silent=True) or {}).get(name, default)
    if value is None:
        abort(400, f"{name} is missing")
    return value
