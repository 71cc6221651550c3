"""Publishing the naive way, to be seen in a lab."""

# mypy: disallow-untyped-calls=False
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from services.common.bus import EXCHANGE, Publisher
from services.common.errors import Unavailable


class CarelessPublisher(Publisher):
    """What was written to the socket counts as published. What a broker that stalls or dies had not read by then is
    lost, and nobody is told.
    """

    def _prepare(self, channel: BlockingChannel) -> None:
        """No word is asked for."""

    def _hand_over(self, channel: BlockingChannel, routing_key: str, body: bytes, properties: Any) -> None:
        properties.delivery_mode = 2
        try:
            channel.basic_publish(EXCHANGE, routing_key, body, properties)
        except (AMQPError, OSError) as error:
            raise Unavailable(f"{routing_key} could not be written: {type(error).__name__}") from error
