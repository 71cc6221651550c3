"""Notifications' route: the outbox page instead of mail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from flask import Response
from flask_openapi import OpenAPI
from pydantic import BaseModel, Field

from services.common.web import Check, create_web, json_answer, problems
from services.notifications.messages import Message


class Messages(Protocol):
    """What the route needs; see `messages.Messages`."""

    def of_order(self, order_id: str) -> list[Message]: ...


class OrderQuery(BaseModel):
    order: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="the order's id: who knows it may read")


class MessageAnswer(BaseModel):
    id: int
    order_id: str
    kind: str
    subject: str
    body: str
    created_at: datetime


class MessagesAnswer(BaseModel):
    """Newest first, at most 50."""

    items: list[MessageAnswer]


def create_app(messages: Messages, ready: Mapping[str, Check]) -> OpenAPI:
    """Build the app from its parts; `__main__` makes the real ones, tests pass fakes."""
    app = create_web("notifications", ready)

    @app.get("/api/notifications", responses={200: MessagesAnswer, **problems(422, 503, 504)})
    def of_order(query: OrderQuery) -> Response:
        found = [MessageAnswer(**vars(message)) for message in messages.of_order(query.order)]
        return json_answer(MessagesAnswer(items=found))

    return app
