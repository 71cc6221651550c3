"""What a shopper is told about an event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from services.common.bus import Event


@dataclass(frozen=True)
class Letter:
    """`kind` is the event's name; one letter per event."""

    event_id: str
    order_id: str
    kind: str
    subject: str
    body: str


class Messages(Protocol):
    """Where letters go; see `messages.Messages`."""

    def add(self, letter: Letter) -> bool: ...


def _placed(event: Event) -> tuple[str, str]:
    pieces = sum(item.quantity for item in event.items)
    total = f"{event.total_cents // 100}.{event.total_cents % 100:02}"
    return "We have your order", f"{pieces} {'piece' if pieces == 1 else 'pieces'} for {total}. We are packing."


def _shipped(event: Event) -> tuple[str, str]:
    return "Your order is on its way", f"Order {event.order_id} has left the warehouse."


TEXTS: dict[str, Callable[[Event], tuple[str, str]]] = {"order.placed": _placed, "order.shipped": _shipped}


def write_to(messages: Messages, event: Event) -> None:
    """Tell the shopper, once per event. Raises KeyError for an event nobody has words for."""
    subject, body = TEXTS[event.name](event)
    messages.add(Letter(event.event_id, event.order_id, event.name, subject, body))
