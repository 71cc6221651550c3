# mypy: disallow-untyped-calls=False
"""RabbitMQ: the shop's queues, and a publisher that waits for the broker's word. Who takes messages: `consumer.py`.

    shop.events ──► fulfilment ──(failed)──► fulfilment.later.1000ms ──(1 s later)──► fulfilment
                         └──(unreadable, or failed after the last wait)──► fulfilment.dead

A queue's lane takes the same messages from elsewhere, so that those do not wait behind these; what fails in a lane is
tried again, and put aside, where all others are.

What waits for another try is in a quorum queue that lets go of a message when the work queue has confirmed it. A
classic queue throws away what comes due while the broker starts, because the work queue is not there yet. Quorum queues
know no message TTL before RabbitMQ 3.10, so there they are classic ones all the same.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, NackError, UnroutableError
from prometheus_client import Counter
from pydantic import BaseModel

from services.common.errors import TimedOut, Unavailable
from services.common.settings import BusSettings, split
from services.common.telemetry import identity

EXCHANGE = "shop.events"
QUEUES: Mapping[str, tuple[str, ...]] = {
    "fulfilment": ("order.placed",),
    "fulfilment-lane": ("order.placed.lane",),
    "notifications": ("order.placed", "order.placed.lane", "order.shipped"),
}
LANES: Mapping[str, str] = {"fulfilment": "fulfilment-lane"}
CONFIRM_S = 5.0
SAFE_SINCE = (3, 10)
SAFE_WAITING = {
    "x-queue-type": "quorum",
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",  # without it the strategy is ignored
}
CRASHES = 20  # deliveries that may end with the consumer's death before the broker itself gives up on a message

PUBLISHED = Counter("shop_published_total", "Messages published", ["routing_key"])


class Unroutable(Exception):
    """No queue wants this message: it was not published, and asking again changes nothing before the queues are."""


class Item(BaseModel):
    """One line of an order, as events tell it."""

    sku: str
    quantity: int


class Event(BaseModel):
    """What happened to an order. `name` is its routing key; `event_id` is the same in every delivery."""

    name: str = ""
    event_id: str
    order_id: str
    items: list[Item]
    total_cents: int
    placed_at: str


def connect(settings: BusSettings) -> BlockingConnection:
    """A connection for the thread that asks; sharing one among threads breaks it. Raises Unavailable."""
    host, port = split(settings.rabbitmq)
    parameters = pika.ConnectionParameters(
        host=host,
        port=port,
        credentials=pika.PlainCredentials(settings.rabbitmq_user, settings.rabbitmq_password),
        heartbeat=settings.bus_heartbeat_s,
        blocked_connection_timeout=settings.bus_blocked_s,
        socket_timeout=settings.bus_connect_s,
        stack_timeout=settings.bus_connect_s,
        connection_attempts=1,
        client_properties={"connection_name": identity.replica},
    )
    try:
        return BlockingConnection(parameters)
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise Unavailable(f"cannot reach the broker: {type(error).__name__}") from error


def hang_up(connection: BlockingConnection | None) -> None:
    """Close, whatever state the connection is in."""
    with suppress(AMQPError, OSError):
        if connection is not None and connection.is_open:
            connection.close()


def declare(channel: BlockingChannel, queue: str, retry_s: tuple[float, ...]) -> None:
    """Make a queue with its retry and dead-letter queues; harmless when they are there already."""
    home = home_of(queue)
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    channel.queue_declare(f"{home}.dead", durable=True, arguments={"x-queue-type": "classic"})
    safe = SAFE_WAITING if version(channel) >= SAFE_SINCE else {"x-queue-type": "classic"}
    for wait_s in retry_s:
        channel.queue_declare(retry_queue(home, wait_s), durable=True, arguments={**safe, **waiting(home, wait_s)})
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{home}.dead", "x-delivery-limit": CRASHES}
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum", **dead})
    for routing_key in QUEUES[queue]:
        channel.queue_bind(queue, EXCHANGE, routing_key)


def home_of(queue: str) -> str:
    """The queue whose messages to be tried again and dead letters are this one's, too: itself, unless it is a lane."""
    return next((home for home, lane in LANES.items() if lane == queue), queue)


def retry_queue(queue: str, wait_s: float) -> str:
    """Where a message waits before `queue` gets it again. Another wait means another queue, never a changed one."""
    return f"{queue}.later.{round(wait_s * 1000)}ms"


def waiting(queue: str, wait_s: float) -> dict[str, Any]:
    """The arguments of a queue whose messages go to `queue` after `wait_s`."""
    ttl = {"x-message-ttl": round(wait_s * 1000)}
    return ttl | {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}


def version(channel: BlockingChannel) -> tuple[int, ...]:
    """The broker's, such as (3, 12)."""
    properties = channel.connection._impl.server_properties or {}
    return tuple(map(int, properties["version"].split(".")[:2]))


def publish(
    channel: BlockingChannel, exchange: str, routing_key: str, body: bytes, properties: Any, persistent: bool = True
) -> None:
    """Hand a message over and wait until the broker has it (the channel confirms): on disk, unless it is not to be
    `persistent`. Quorum queues keep every message on disk, classic ones only those.

    Raises Unroutable, Unavailable, TimedOut.
    """
    properties.delivery_mode = 2 if persistent else 1
    loop = channel.connection._impl
    timer = loop._adapter_call_later(CONFIRM_S, _no_confirm)
    try:
        channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)
    except _NoConfirm as error:
        loop._terminate_stream(error)  # a polite goodbye would wait for an answer, too
        raise TimedOut(f"the broker did not confirm {routing_key} within {CONFIRM_S} s") from error
    except UnroutableError as error:
        raise Unroutable(routing_key) from error
    except NackError as error:
        raise Unavailable(f"the broker refused {routing_key}") from error
    except (AMQPError, OSError) as error:
        raise TimedOut(f"the broker did not confirm {routing_key}: {type(error).__name__}") from error
    finally:
        loop._adapter_remove_timeout(timer)


class _NoConfirm(AMQPError):
    """Raised out of pika's own loop: it knows no bound on the wait for a confirm, and a broker that is frozen, or whose
    queue has no leader, never sends one.
    """


def _no_confirm() -> None:
    raise _NoConfirm


class Publisher:
    """Publishes events over one connection, for one thread. After trouble the next call connects afresh."""

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self._connection: BlockingConnection | None = None
        self._channel: BlockingChannel | None = None

    def attend(self) -> BlockingChannel:
        """Answer the broker's heartbeats, connect when there is no connection: to be called at least every few
        seconds. Raises Unavailable.
        """
        if self._connection is not None and self._channel is not None:
            with suppress(AMQPError, OSError):
                self._connection.process_data_events(0)
                if self._channel.is_open:
                    return self._channel
        return self._connect()

    def publish(self, event: str, body: bytes, message_id: str, request: str = "", lane: bool = False) -> None:
        """Publish one event; when this returns the broker has it. Raises Unroutable, Unavailable, TimedOut.

        `request`: the id of the request that made the event; it goes along, so that the workers' log lines have it.
        `lane`: to the lanes of those who take this event.
        """
        routing_key = f"{event}.lane" if lane else event
        properties = pika.BasicProperties(
            content_type="application/json", type=event, message_id=message_id, correlation_id=request or None
        )
        try:
            self._hand_over(self.attend(), routing_key, body, properties)
        except Exception:
            self.close()  # also when unroutable: connecting makes missing queues again
            raise
        PUBLISHED.labels(routing_key).inc()

    def check(self) -> None:
        """Raise unless connected: the readiness check."""
        if self._connection is None or not self._connection.is_open:
            raise Unavailable("not connected to the broker")

    def close(self) -> None:
        """Give the connection up."""
        connection, self._connection, self._channel = self._connection, None, None
        hang_up(connection)

    def _connect(self) -> BlockingChannel:
        self.close()
        self._connection = connect(self._settings)
        try:
            channel = self._connection.channel()
            for queue in QUEUES:
                declare(channel, queue, self._settings.bus_retry_s)
            self._prepare(channel)
        except (AMQPError, OSError) as error:
            self.close()
            raise Unavailable(f"cannot make the queues: {type(error).__name__}: {error}") from error
        self._channel = channel
        return channel

    def _prepare(self, channel: BlockingChannel) -> None:
        channel.confirm_delivery()

    def _hand_over(self, channel: BlockingChannel, routing_key: str, body: bytes, properties: Any) -> None:
        publish(channel, EXCHANGE, routing_key, body, properties)
