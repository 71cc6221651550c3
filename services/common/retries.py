"""What becomes of a message whose work failed: tried again later a few times and then put aside, or the naive way."""

from collections.abc import Callable
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

from services.common.bus import publish, retry_queue, waiting
from services.common.errors import TimedOut, Unavailable
from services.common.settings import BusSettings
from services.common.telemetry import log

RETRIES = "x-retries"
REASON = "x-reason"

Policy = Callable[[BlockingChannel, Any, bytes, Exception], str]
"""Publishes a copy of a message (properties, body) whose work raised an error; returns the outcome, in a word."""


class LimitedRetries:
    """Tried again after each of the waits, then dead. An outage (Unavailable, TimedOut) says nothing about the message,
    so it never kills one: the last wait is repeated until the outage is over.
    """

    def __init__(self, settings: BusSettings, queue: str) -> None:
        self._waits, self._queue = settings.bus_retry_s, queue

    def __call__(self, way_out: BlockingChannel, properties: Any, body: bytes, error: Exception) -> str:
        tried, why = _retries(properties), f"{type(error).__name__}: {error}"
        if isinstance(error, Unavailable | TimedOut):
            tried = min(tried, len(self._waits) - 1)
        if tried >= len(self._waits):
            return bury(way_out, self._queue, properties, body, why)
        log().warning("work_failed", queue=self._queue, message=properties.message_id, tried=tried + 1, error=why)
        properties.headers = {**(properties.headers or {}), RETRIES: tried + 1, REASON: why[:200]}
        self._put_off(way_out, properties, body, self._waits[tried])
        return "retried"

    def _put_off(self, way_out: BlockingChannel, properties: Any, body: bytes, wait_s: float) -> None:
        publish(way_out, "", retry_queue(self._queue, wait_s), body, properties)


class RetriesInMemory(LimitedRetries):
    """The naive way: a durable queue, and transient messages in it. Durable is the queue, not what waits there."""

    def _put_off(self, way_out: BlockingChannel, properties: Any, body: bytes, wait_s: float) -> None:
        name = f"{self._queue}.memory.{round(wait_s * 1000)}ms"
        arguments = {"x-queue-type": "classic", **waiting(self._queue, wait_s)}
        way_out.queue_declare(name, durable=True, arguments=arguments)
        publish(way_out, "", name, body, properties, persistent=False)


class RequeueForever:
    """The naive way: whatever the reason, back to the end of the queue at once, as if nothing had been tried yet.

    A plain reject would not even be for ever: quorum queues count, and put aside what was rejected too often.
    """

    def __init__(self, queue: str) -> None:
        self._queue = queue

    def __call__(self, way_out: BlockingChannel, properties: Any, body: bytes, error: Exception) -> str:
        publish(way_out, "", self._queue, body, properties)
        return "requeued"


def bury(way_out: BlockingChannel, queue: str, properties: Any, body: bytes, why: str) -> str:
    """Put a message aside, with the reason, for a person to look at."""
    log().error("dead_letter", queue=queue, message=properties.message_id, error=why)
    properties.headers = {**(properties.headers or {}), REASON: why[:200]}
    publish(way_out, "", f"{queue}.dead", body, properties)
    return "dead"


def _retries(properties: Any) -> int:
    """How often a message was tried again already; whatever a stranger wrote there counts as never."""
    tried = (properties.headers or {}).get(RETRIES, 0)
    return tried if isinstance(tried, int) and tried >= 0 else 0
