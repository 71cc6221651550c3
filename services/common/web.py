"""The frame around every service's routes: identity, health, metrics, problems as answers, and the server."""

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, request
from flask_openapi import Info, OpenAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from services.common import deadline, faults, rate_limit, shedding, telemetry
from services.common.errors import Invalid, ShopError
from services.common.server import Server, Worker
from services.common.settings import WebSettings
from services.common.shedding import Tier
from services.common.worker import Background

Check = Callable[[], object]
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
READS = frozenset(("GET", "HEAD", "OPTIONS"))
LARGEST_BODY = 256 * 1024
PROBLEM_JSON = "application/problem+json"
PLAUSIBLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Problem(BaseModel):
    """RFC 9457. `instance` is the request's id, so that an answer leads to its log lines."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


def create_web(
    service: str,
    ready: Mapping[str, Check],
    tier: Tier = Tier.CHECKOUT,
    tiers: Mapping[str, Tier] = MappingProxyType({}),
    static_folder: str | None = None,
) -> OpenAPI:
    """An app without routes of its own. `ready` maps a dependency to a check that raises when it cannot be used; `tier`
    says how much its routes matter when there is too much to do, `tiers` which endpoints matter otherwise.
    """
    app = OpenAPI(
        f"services.{service.replace('-', '_')}",
        info=Info(title=f"shoplab {service}", version="1"),
        doc_ui=False,  # looking for pages to show it with means reading the metadata of every installed package
        validation_error_model=Problem,
        validation_error_callback=invalid_request,
        static_folder=static_folder,
    )
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.add_url_rule(f"/api/{service}/openapi.json", "openapi", lambda: app.api_doc)
    _identify(app)
    shedding.install(app, tier, tiers)
    faults.install(app)
    _explain_errors(app)
    _answer_health(app, ready)
    return app


def json_answer(model: BaseModel, status: int = 200) -> Response:
    """A typed answer as JSON bytes; cheaper than `jsonify(model_dump())`."""
    return Response(model.model_dump_json(), status=status, mimetype="application/json")


def problems(*statuses: int) -> dict[Any, Any]:
    """For a route's `responses=`: these statuses come with a problem document."""
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def problem(error: ShopError) -> Response:
    """An error as `application/problem+json`. That a call of ours was `unsent` says nothing of the one we answer."""
    body = {
        "type": f"urn:shoplab:{error.kind}",
        "title": error.kind.replace("-", " ").capitalize(),
        "status": error.status,
        "detail": error.detail,
        "instance": telemetry.request_id.get(),
        **{name: value for name, value in error.extra.items() if name != "unsent"},
    }
    answer = Response(status=error.status, mimetype=PROBLEM_JSON)
    answer.set_data(_dumps(body))
    if error.status in (429, 503):
        answer.headers["Retry-After"] = str(error.extra.get("retry_after_s", 1))
    return answer


def refusal(error: HTTPException) -> Response:
    """What Flask refuses by itself (no such path, another method) as a problem document."""
    explained = ShopError(error.description or error.name)
    explained.status, explained.kind = error.code or 500, error.name.lower().replace(" ", "-")  # type: ignore[misc]
    answer = problem(explained)
    answer.headers.extend((k, v) for k, v in error.get_headers() if k not in ("Content-Type", "Content-Length"))
    return answer


def invalid_request(error: ValidationError) -> Response:
    """What flask-openapi calls when a request does not fit its model: all faults at once, none of the values."""
    found = [
        {"at": ".".join(map(str, e["loc"])), "why": e["msg"]}
        for e in error.errors(include_url=False, include_input=False)
    ]
    return problem(Invalid("the request does not have the form the service expects", errors=found))


def _dumps(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))


def _identify(app: Flask) -> None:
    """Every request has an id that its log lines share; every answer says which replica gave it and is counted, and
    logged when it failed or may have changed something (all that is asked, reads too, is in the gateway's log). On the
    way of every request, so written for speed: context variables instead of `g`, the metric's children remembered, no
    look into the headers that `add` does not need.
    """
    started: ContextVar[float] = ContextVar("started")

    @app.before_request
    def begin() -> None:
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        telemetry.request_id.set(given if PLAUSIBLE_ID.fullmatch(given) else uuid.uuid4().hex)
        started.set(time.perf_counter())
        rate_limit.visitor.set(request.environ.get("HTTP_X_VISITOR", ""))
        deadline.obey(request.environ)

    @app.after_request
    def finish(answer: Response) -> Response:
        answer.headers.add("X-Request-Id", telemetry.request_id.get())
        answer.headers.add("X-Served-By", telemetry.identity.replica)
        seconds, status = time.perf_counter() - started.get(), answer.status_code
        rule, method = request.url_rule, request.method
        asked = (rule.rule if rule else "unmatched", method if method in METHODS else "other", status)
        telemetry.seconds_of(*asked).observe(seconds)
        if status >= 500 or method not in READS:
            say = telemetry.log().warning if status >= 500 else telemetry.log().info
            say("answered", method=method, path=request.path, status=status, ms=round(seconds * 1000, 1))
        return answer


def _explain_errors(app: Flask) -> None:
    app.register_error_handler(ShopError, problem)

    app.register_error_handler(HTTPException, refusal)

    @app.errorhandler(RecursionError)
    def nested(_error: RecursionError) -> Response:
        """`[[[[...`: Python's JSON parser gives up with this, at some thousand levels."""
        return problem(Invalid("the request is nested too deeply"))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        telemetry.log().error("unexpected", path=request.path, exc_info=error)
        return problem(ShopError("something went wrong on our side; the log has the request's id"))


def _answer_health(app: Flask, ready: Mapping[str, Check]) -> None:
    @app.route("/livez")
    def livez() -> Response:
        return Response("alive\n", mimetype="text/plain")

    @app.route("/readyz")
    def readyz() -> Response:
        reasons = {name: _reason(check) for name, check in ready.items()}
        able = all(reason == "ok" for reason in reasons.values())
        body = _dumps({"ready": able, "replica": telemetry.identity.replica, "checks": reasons})
        return Response(body, status=200 if able else 503, mimetype="application/json")

    @app.route("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _reason(check: Check) -> str:
    try:
        check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


def serve(app: Flask, settings: WebSettings, background: Background) -> None:
    """Open and start what the app needs, listen, serve until TERM, finish the requests in flight; then stop what was
    started.
    """
    background.start()
    try:
        Worker(Server(app, settings)).init_process()
    finally:
        background.stop(settings.graceful_s - 1)  # at `graceful_s` after TERM the kernel ends this process
