"""Fulfilment's route: a parcel that somebody waits for. All others come by the queue."""

from collections.abc import Mapping
from typing import Any, Protocol

from flask import Response
from flask_openapi import OpenAPI
from pydantic import BaseModel, Field

from services.common.fields import LineRequests
from services.common.web import Check, create_web, json_answer, problems


class Warehouse(Protocol):
    """Who packs; see `warehouse.Warehouse`."""

    def pack(self, order_id: str, items: list[dict[str, Any]], patience_s: float) -> None: ...


class ParcelPath(BaseModel):
    order_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")


class ParcelRequest(BaseModel):
    items: LineRequests


class ParcelAnswer(BaseModel):
    order_id: str


def create_app(warehouse: Warehouse, patience_s: float, ready: Mapping[str, Check]) -> OpenAPI:
    """Build the app from its parts; `__main__` makes the real ones, tests pass fakes. Nobody waits for a parcel longer
    than `patience_s` and the time it takes to pack.
    """
    app = create_web("fulfilment", ready)

    @app.put("/internal/fulfilment/parcels/<order_id>", responses={200: ParcelAnswer, **problems(422, 503, 504)})
    def pack(path: ParcelPath, body: ParcelRequest) -> Response:
        warehouse.pack(path.order_id, [line.model_dump() for line in body.items], patience_s)
        return json_answer(ParcelAnswer(order_id=path.order_id))

    return app
