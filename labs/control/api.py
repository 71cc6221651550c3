"""Control's HTTP interface: JSON in, JSON out, for whoever holds the shop's token.

It can kill processes, so: loopback only, a bearer token, and the `Host` and `Origin` a browser would send are
checked; there is no CORS.
"""

import hmac
import json
from dataclasses import asdict
from typing import Any

import psycopg
from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from compose.gateway import SpecInvalid
from compose.runtime.verbs import RuntimeFailed, UnknownComponent
from labs.control.flags import UnknownFlag
from labs.control.sale import implausible
from labs.control.shop import RunningShop
from labs.faults.fault import UnknownFault

A_DAY_S = 86_400
MOST_PIECES = 1_000_000


def create_api(shop: RunningShop, token: str, control_url: str) -> Flask:
    """The app."""
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
        return jsonify(error=f"Postgres did not do it: {(str(error) or repr(error)).splitlines()[0]}"), 409

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @app.get("/status")
    def status() -> Any:
        return shop.status(control_url, memory="memory" in request.args)

    @app.post("/scale")
    def scale() -> Any:
        shop.scale(_given("service", str), _given("replicas", int))
        return {}

    @app.post("/lane")
    def lane() -> Any:
        sku = _given("sku", str)
        shop.open_lane(sku) if sku else shop.close_lane()
        return {}

    @app.post("/balance")
    def balance() -> Any:
        return shop.balance(_given("service", str), _given("policy", str), _given("weights", dict, {}))

    @app.post("/break")
    def break_() -> Any:
        for_s = _given("for_s", float, 0.0)
        if not 0 <= for_s <= A_DAY_S:
            abort(400, f"for_s must be from 0 to {A_DAY_S}")
        entry = shop.break_(_given("fault", str), _given("target", str), _given("given", dict, {}), for_s)
        return {"fault": entry.fault, "target": entry.target, "given": entry.given}

    @app.get("/targets")
    def targets() -> Any:
        return shop.targets()

    @app.post("/heal")
    def heal() -> Any:
        return {"left": shop.heal()}

    @app.post("/reset")
    def reset() -> Any:
        shop.reset()
        return {}

    @app.post("/check")
    def check() -> Any:
        return {"invariants": shop.check(_given("settle_s", float, 20.0))}

    @app.get("/flags")
    def flags() -> Any:
        return {"flags": [asdict(flag) for flag in shop.flags.all()]}

    @app.post("/flags")
    def set_flag() -> Any:
        name = _given("name", str)
        return {"name": name, "value": shop.set_flag(name, _given("value", str))}

    @app.post("/failover")
    def failover() -> Any:
        return {"steps": [asdict(step) for step in shop.roles.fail_over().steps]}

    @app.post("/switchover")
    def switchover() -> Any:
        return {"steps": [asdict(step) for step in shop.roles.switch_over(_given("to", str, "")).steps]}

    @app.post("/rejoin")
    def rejoin() -> Any:
        return {"steps": [asdict(step) for step in shop.roles.rejoin().steps]}

    @app.post("/backup")
    def backup() -> Any:
        return shop.backup()

    @app.get("/backups")
    def backups() -> Any:
        return shop.backups()

    @app.post("/restore")
    def restore() -> Any:
        return shop.restore(_given("to", str))

    @app.get("/digests")
    def digests() -> Any:
        return {"tables": shop.digests()}

    @app.post("/redeliver")
    def redeliver() -> Any:
        return {"put_back": shop.repairs.redeliver(_given("queue", str))}

    @app.post("/recall")
    def recall() -> Any:
        return {"called_back": shop.repairs.recall()}

    @app.post("/restock")
    def restock() -> Any:
        left = _given("left", int)
        if not 0 <= left <= MOST_PIECES:
            abort(422, f"left must be from 0 to {MOST_PIECES} pieces, not {left}")
        return {"oversold": shop.repairs.restock(_given("sku", str), left)}

    @app.get("/sale")
    def sale() -> Any:
        return {"sale": shop.sale()}

    @app.post("/sale/start")
    def start_sale() -> Any:
        sku, stock, rate = _given("sku", str), _given("stock", int), _given("rate", float)
        if why := implausible(stock, rate):
            abort(422, why)
        return {"sale": shop.start_sale(sku, stock, rate, _given("lane", bool, False))}

    @app.post("/sale/rate")
    def pace_sale() -> Any:
        rate = _given("rate", float)
        if why := implausible(1, rate):
            abort(422, why)
        return {"sale": shop.pace_sale(rate)}

    @app.post("/sale/stop")
    def stop_sale() -> Any:
        return {"sale": shop.stop_sale()}

    @app.post("/resend")
    def resend() -> Any:
        return {"announced": shop.repairs.resend()}

    @app.get("/metrics")
    def metrics() -> Any:
        return shop.instruments.metrics(request.args.get("service", ""))

    @app.get("/queues")
    def queues() -> Any:
        return shop.instruments.queues()

    @app.get("/caches")
    def caches() -> Any:
        return shop.instruments.caches()

    @app.get("/cache-entries")
    def cache_entries() -> Any:
        return shop.instruments.cache_entries()

    @app.post("/rows")
    def rows() -> Any:
        try:
            found = shop.instruments.rows(_given("query", str), _given("node", str, ""))
        except psycopg.Error as error:
            abort(400, f"Postgres refuses it: {str(error).splitlines()[0]}")
        return Response(json.dumps({"rows": found}, default=str), mimetype="application/json")

    @app.get("/logs")
    def logs() -> Any:
        tail = request.args.get("tail", "50")
        if not tail.isdecimal():
            abort(400, "tail must be a number of lines")
        return {"lines": list(shop.logs(request.args.get("component") or None, int(tail)))}

    return app


def _given(name: str, kind: type, default: Any = None) -> Any:
    """A member of the request's JSON body; answers 400 when it is missing or of another kind."""
    body = request.get_json(silent=True)
    value = body.get(name, default) if isinstance(body, dict) else default
    if value is None:
        abort(400, f"{name} is missing")
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        abort(400, f"{name} must be a {kind.__name__}")
    return value
