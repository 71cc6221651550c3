"""Taking messages from a queue, and telling the broker what became of each after the work."""

# mypy: disallow-untyped-calls=False
import random
import threading
from collections.abc import Callable
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from prometheus_client import Counter
from pydantic import ValidationError

from services.common.bus import Event, connect, declare, hang_up, home_of
from services.common.errors import Unavailable
from services.common.retries import LimitedRetries, Policy, bury
from services.common.settings import BusSettings
from services.common.telemetry import log, request_id

RECONNECT_S = (0.1, 1.0)
LOOK_UP_S = 0.2
LOOK_FOR_LEFTOVERS_S = 1.0

CONSUMED = Counter("shop_consumed_total", "Messages settled", ["queue", "outcome"])

Handler = Callable[[Event], None]


class Consumer:
    """Takes messages from one queue, one after the other, and tells the broker what became of each **after** the work.

    Done: acknowledged. Failed: as `policy()` has it, by default `LimitedRetries`. Unreadable: dead at once. A copy for
    later is confirmed before the original is acknowledged, so a crash in between means twice, never not at all:
    handlers must be idempotent.

    `early()` is the naive way (the broker's `autoAck`): what was sent counts as done, so the broker forgets it before
    the work, and sends without a limit. A crash means never, for all that had been sent.
    """

    def __init__(
        self,
        settings: BusSettings,
        queue: str,
        handle: Handler,
        policy: Callable[[], Policy] | None = None,
        before_ack: Callable[[], object] = lambda: None,
        early: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings, self._queue, self._handle, self._before_ack = settings, queue, handle, before_ack
        self._early, self._home = early, home_of(queue)
        limited = LimitedRetries(settings, self._home)
        self._policy = policy or (lambda: limited)
        self._connection: BlockingConnection | None = None

    def check(self) -> None:
        """Raise unless connected: the readiness check."""
        if self._connection is None or not self._connection.is_open:
            raise Unavailable("not connected to the broker")

    def run(self, stopping: threading.Event) -> None:
        """Consume until `stopping` is set; then finish the message in hand. Connects again, for ever."""
        while not stopping.is_set():
            try:
                self._connection = connect(self._settings)
                self._consume(self._connection, stopping)
            except Exception as error:
                log().warning("broker_lost", queue=self._queue, error=f"{type(error).__name__}: {error}")
                stopping.wait(random.uniform(*RECONNECT_S))
            finally:
                hang_up(self._connection)

    def _consume(self, connection: BlockingConnection, stopping: threading.Event) -> None:
        channel, way_out, early = connection.channel(), connection.channel(), self._early()
        declare(channel, self._queue, self._settings.bus_retry_s)
        channel.basic_qos(prefetch_count=self._settings.bus_prefetch)
        way_out.confirm_delivery()
        for method, properties, body in channel.consume(self._queue, auto_ack=early, inactivity_timeout=LOOK_UP_S):
            if stopping.is_set() or (method is None and self._early() != early):
                return  # what was fetched but not begun goes back to the queue
            if method is not None and properties is not None and body is not None:
                self._settle(channel, way_out, method, properties, body, early)

    def _settle(
        self,
        channel: BlockingChannel,
        way_out: BlockingChannel,
        method: Any,
        properties: Any,
        body: bytes,
        early: bool = False,
    ) -> None:
        properties.type = properties.type or method.routing_key  # the copy for later has another routing key
        outcome = self._work(way_out, properties, body)
        self._before_ack()
        if not early:
            channel.basic_ack(method.delivery_tag)
        CONSUMED.labels(self._queue, outcome).inc()

    def _work(self, way_out: BlockingChannel, properties: Any, body: bytes) -> str:
        try:
            event = Event.model_validate_json(body)
        except ValidationError:
            return bury(way_out, self._home, properties, body, "unreadable")
        event.name = properties.type or ""
        request_id.set(properties.correlation_id or properties.message_id or "-")
        try:
            self._handle(event)
        except Exception as error:
            return self._policy()(way_out, properties, body, error)
        log().info("work_done", queue=self._queue, message=properties.message_id, order_id=event.order_id)
        return "done"


class Leftovers(Consumer):
    """Takes from a queue while nobody is there whose queue it is: what waits in a lane that was closed, or whose worker
    died, is worked on all the same.
    """

    def _consume(self, connection: BlockingConnection, stopping: threading.Event) -> None:
        channel, way_out = connection.channel(), connection.channel()
        declare(channel, self._queue, self._settings.bus_retry_s)
        way_out.confirm_delivery()
        while not stopping.is_set():
            queue = channel.queue_declare(self._queue, passive=True).method
            left = queue.message_count > 0 and queue.consumer_count == 0
            method, properties, body = channel.basic_get(self._queue) if left else (None, None, None)
            if method is None or body is None:
                stopping.wait(LOOK_FOR_LEFTOVERS_S)
            else:
                self._settle(channel, way_out, method, properties, body)
