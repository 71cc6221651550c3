"""The shop itself: how many of what run, how requests are shared, its flags, its logs."""

from dataclasses import asdict
from typing import Any

from flask import Flask, abort, request

from labs.control.routes.body import given
from labs.control.shop import RunningShop


def install(app: Flask, shop: RunningShop) -> None:
    """Add the routes."""

    @app.get("/logs")
    def logs() -> Any:
        tail = request.args.get("tail", "50")
        if not tail.isdecimal():
            abort(400, "tail must be a number of lines")
        return {"lines": list(shop.runtime.logs(request.args.get("component") or None, int(tail)))}

    @app.post("/scale")
    def scale() -> Any:
        shop.scale(given("service", str), given("replicas", int))
        return {}

    @app.post("/balance")
    def balance() -> Any:
        return shop.balance(given("service", str), given("policy", str), given("weights", dict, {}))

    @app.get("/flags")
    def flags() -> Any:
        return {"flags": [asdict(flag) for flag in shop.flags.all()]}

    @app.post("/flags")
    def set_flag() -> Any:
        name = given("name", str)
        value, behind = shop.set_flag(name, given("value", str))
        return {"name": name, "value": value, "behind": behind}

    @app.post("/reset")
    def reset() -> Any:
        shop.data.reset()
        return {}

    @app.post("/check")
    def check() -> Any:
        return {"invariants": shop.data.check(given("settle_s", float, 20.0))}
