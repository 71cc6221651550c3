"""Postgres: its roles, its backups, what is in its tables."""

from dataclasses import asdict
from typing import Any

from flask import Flask

from labs.control.routes.body import given
from labs.control.shop import RunningShop


def install(app: Flask, shop: RunningShop) -> None:
    """Add the routes."""

    @app.post("/failover")
    def failover() -> Any:
        return {"steps": [asdict(step) for step in shop.roles.fail_over().steps]}

    @app.post("/switchover")
    def switchover() -> Any:
        return {"steps": [asdict(step) for step in shop.roles.switch_over(given("to", str, "")).steps]}

    @app.post("/rejoin")
    def rejoin() -> Any:
        return {"steps": [asdict(step) for step in shop.roles.rejoin().steps]}

    @app.post("/backup")
    def backup() -> Any:
        return shop.data.backup()

    @app.get("/backups")
    def backups() -> Any:
        return shop.data.backups()

    @app.post("/restore")
    def restore() -> Any:
        return shop.data.restore(given("to", str))

    @app.get("/digests")
    def digests() -> Any:
        return {"tables": shop.data.digests()}
