"""From the outbox to the broker, for ever."""

import json
import random
import threading
from collections.abc import Callable
from typing import Protocol

from services.common.telemetry import log, request_id
from services.relay.outbox import Row

AT_ONCE = 100
BACK_OFF_S = (0.1, 1.0)


class Outbox(Protocol):
    """Where events wait; see `outbox.Outbox`."""

    def forward(self, send: Callable[[Row], None], limit: int) -> int: ...


class Publisher(Protocol):
    """The way to the broker; see `bus.Publisher`."""

    def attend(self) -> object: ...
    def publish(self, event: str, body: bytes, message_id: str, request: str, lane: bool) -> None: ...
    def close(self) -> None: ...


class Relay:
    """Polls the outbox every `poll_s`, without a pause as long as it is full, and sends by `publisher()`."""

    def __init__(self, outbox: Outbox, publisher: Callable[[], Publisher], poll_s: float) -> None:
        self._outbox, self._publisher, self._poll_s = outbox, publisher, poll_s

    def run(self, stopping: threading.Event) -> None:
        """Relay until `stopping` is set. A lost broker or database is waited for, with pauses of up to a second."""
        while not stopping.is_set():
            try:
                self._publisher().attend()
                full = self._outbox.forward(self.send, AT_ONCE) == AT_ONCE
                stopping.wait(0 if full else self._poll_s)
            except Exception as error:
                log().warning("relay_waits", error=f"{type(error).__name__}: {error}")
                stopping.wait(random.uniform(*BACK_OFF_S))
        self._publisher().close()

    def send(self, row: Row) -> None:
        """Publish one row; it counts as sent when this returns."""
        request_id.set(row.request_id or row.event_id)
        body = json.dumps(row.payload).encode()
        self._publisher().publish(row.event, body, row.event_id, row.request_id, row.lane)
        log().info("event_published", event_id=row.event_id)
