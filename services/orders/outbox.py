"""The table `outbox`: an event is written in the transaction that makes it true, and published by the relay later."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from services.common.telemetry import request_id


@dataclass(frozen=True)
class OrderEvent:
    """`name` says what happened. An order has each event at most once, so its id can be told beforehand."""

    name: str
    order_id: str
    items: list[dict[str, Any]]
    total_cents: int
    placed_at: str

    @property
    def event_id(self) -> str:
        """The same whenever and by whomever it is written."""
        return f"{self.name}.{self.order_id}"


def add(connection: Connection[Any], event: OrderEvent, lane: bool = False) -> None:
    """Write an event inside the caller's transaction; `lane`: for the packer of the lane."""
    payload = {
        "event_id": event.event_id,
        "order_id": event.order_id,
        "items": event.items,
        "total_cents": event.total_cents,
        "placed_at": event.placed_at,
    }
    connection.execute(
        "insert into outbox (event_id, event, payload, request_id, lane) values (%s, %s, %s, %s, %s)",
        (event.event_id, event.name, Jsonb(payload), request_id.get(), lane),
    )
