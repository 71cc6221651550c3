"""A sale, and putting right what one has left."""

from typing import Any

from flask import Flask, abort

from labs.control.bounds import MOST_PIECES
from labs.control.routes.body import given
from labs.control.sale import implausible
from labs.control.shop import RunningShop


def install(app: Flask, shop: RunningShop) -> None:
    """Add the routes."""

    @app.get("/sale")
    def sale() -> Any:
        return {"sale": shop.sales.status()}

    @app.post("/sale/start")
    def start_sale() -> Any:
        sku, stock, rate = given("sku", str), given("stock", int), given("rate", float)
        if why := implausible(stock, rate):
            abort(422, why)
        return {"sale": shop.sales.start(sku, stock, rate, given("lane", bool, False))}

    @app.post("/sale/rate")
    def pace_sale() -> Any:
        rate = given("rate", float)
        if why := implausible(1, rate):
            abort(422, why)
        return {"sale": shop.sales.pace(rate)}

    @app.post("/sale/stop")
    def stop_sale() -> Any:
        return {"sale": shop.sales.stop()}

    @app.post("/lane")
    def lane() -> Any:
        sku = given("sku", str)
        shop.open_lane(sku) if sku else shop.close_lane()
        return {}

    @app.post("/restock")
    def restock() -> Any:
        left = given("left", int)
        if not 0 <= left <= MOST_PIECES:
            abort(422, f"left must be from 0 to {MOST_PIECES} pieces, not {left}")
        return {"oversold": shop.repairs.restock(given("sku", str), left)}

    @app.post("/redeliver")
    def redeliver() -> Any:
        return {"put_back": shop.repairs.redeliver(given("queue", str))}

    @app.post("/recall")
    def recall() -> Any:
        return {"called_back": shop.repairs.recall()}

    @app.post("/resend")
    def resend() -> Any:
        return {"announced": shop.repairs.resend()}
