"""Instruments: what can be read off the running shop."""

import json
from typing import Any

import psycopg
from flask import Flask, Response, abort, request

from compose.runtime.verbs import first_line
from labs.control.routes.body import given
from labs.control.shop import RunningShop


def install(app: Flask, shop: RunningShop) -> None:
    """Add the routes."""

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
            found = shop.instruments.rows(given("query", str), given("node", str, ""))
        except psycopg.Error as error:
            abort(400, f"Postgres refuses it: {first_line(error)}")
        return Response(json.dumps({"rows": found}, default=str), mimetype="application/json")
