"""Inventory's routes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from flask import Response
from flask_openapi import OpenAPI
from pydantic import BaseModel, Field

from services.common.fields import ChargeKey, LineRequests, Sku
from services.common.web import Check, create_web, json_answer, problems
from services.inventory.shelf import Line
from services.inventory.stock import Level, Reservation


class Stock(Protocol):
    """What the routes need; see `stock.Stock`."""

    def level(self, sku: str) -> Level: ...
    def reserve(self, key: str, lines: list[Line]) -> tuple[Reservation, bool]: ...
    def commit(self, key: str) -> Reservation: ...
    def release(self, key: str) -> Reservation: ...


class SkuPath(BaseModel):
    sku: Sku


class KeyPath(BaseModel):
    key: ChargeKey


class LevelAnswer(BaseModel):
    """left + reserved + sold = stock."""

    sku: str
    stock: int
    reserved: int
    sold: int
    left: int


class ReservationRequest(BaseModel):
    key: ChargeKey = Field(description="the same key again changes nothing")
    items: LineRequests


class ReservationAnswer(BaseModel):
    key: str
    state: str
    expires_at: datetime


class StateAnswer(BaseModel):
    key: str
    state: str


def create_app(stock: Stock, ready: Mapping[str, Check]) -> OpenAPI:
    """Build the app from its parts; `__main__` makes the real ones, tests pass fakes."""
    app = create_web("inventory", ready)

    @app.get("/api/inventory/<sku>", responses={200: LevelAnswer, **problems(404, 422, 503, 504)})
    def level(path: SkuPath) -> Response:
        return json_answer(LevelAnswer(**vars(stock.level(path.sku))))

    taken = {200: ReservationAnswer, 201: ReservationAnswer, **problems(409, 422, 503, 504)}

    @app.post("/internal/inventory/reservations", responses=taken)
    def reserve(body: ReservationRequest) -> Response:
        lines = [Line(line.sku, line.quantity) for line in body.items]
        reservation, new = stock.reserve(body.key, lines)
        return json_answer(ReservationAnswer(**vars(reservation)), 201 if new else 200)

    settled = {200: StateAnswer, **problems(422, 503, 504)}

    @app.post("/internal/inventory/reservations/<key>/commit", responses={**settled, **problems(404, 409)})
    def commit(path: KeyPath) -> Response:
        reservation = stock.commit(path.key)
        return json_answer(StateAnswer(key=reservation.key, state=reservation.state))

    @app.post("/internal/inventory/reservations/<key>/release", responses=settled)
    def release(path: KeyPath) -> Response:
        reservation = stock.release(path.key)
        return json_answer(StateAnswer(key=reservation.key, state=reservation.state))

    return app
