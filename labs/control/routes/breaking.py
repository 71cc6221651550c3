"""Faults: struck, listed, healed."""

from typing import Any

from flask import Flask, abort

from labs.control.bounds import A_DAY_S
from labs.control.routes.body import given
from labs.control.shop import RunningShop


def install(app: Flask, shop: RunningShop) -> None:
    """Add the routes."""

    @app.post("/break")
    def break_() -> Any:
        for_s = given("for_s", float, 0.0)
        if not 0 <= for_s <= A_DAY_S:
            abort(400, f"for_s must be from 0 to {A_DAY_S}")
        entry = shop.faults.strike(given("fault", str), given("target", str), given("given", dict, {}), for_s)
        return {"fault": entry.fault, "target": entry.target, "given": entry.given}

    @app.get("/targets")
    def targets() -> Any:
        return shop.faults.targets()

    @app.post("/heal")
    def heal() -> Any:
        return {"left": shop.heal()}
