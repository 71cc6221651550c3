"""What faults do to RabbitMQ: messages put in and taken out, and what only its own rabbitmqctl can do."""

# mypy: disallow-untyped-calls=False
import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pika

from compose.runtime.verbs import Runtime, RuntimeFailed
from labs.control.probes import Probes

CTL = "compose/images/rabbitmq/ctl"
LOOKS, BETWEEN_S = 3, 0.3


class Broker:
    """Every method is bounded in time and raises RuntimeFailed. `ctl` takes about a second: it starts an Erlang."""

    def __init__(self, runtime: Runtime, probes: Probes) -> None:
        self._runtime, self._probes = runtime, probes

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` in the broker's place; what it says."""
        return self._runtime.exec("rabbitmq", (CTL, "--quiet", *arguments)).decode()

    def set_policy(self, name: str, queue: str, definition: dict[str, Any]) -> None:
        """Have the broker treat a queue otherwise, until the policy is cleared; it is kept on disk."""
        self.ctl("set_policy", name, f"^{queue}$", json.dumps(definition), "--apply-to", "queues")

    def clear_policy(self, name: str) -> None:
        """Remove a policy; fine when it is not there."""
        try:
            self.ctl("clear_policy", name)
        except RuntimeFailed:
            if name in self.ctl("list_policies"):
                raise

    def publish(self, queue: str, messages: Iterable[tuple[str, bytes]]) -> None:
        """Put messages (id, body) straight into a queue; the broker has them on disk when this returns."""
        try:
            with self._probes.broker() as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                for message_id, body in messages:
                    properties = pika.BasicProperties(message_id=message_id, type="order.placed", delivery_mode=2)
                    channel.basic_publish("", queue, body, properties, mandatory=True)
        except (pika.exceptions.AMQPError, OSError) as error:
            raise RuntimeFailed(f"{queue} did not take a message: {error!r}") from error

    def remove(self, queues: Sequence[str], unwanted: Callable[[str], bool]) -> int:
        """Take out the messages whose id is unwanted; how many. Looks again a few times, because one in a consumer's
        hands comes back, or goes on to another queue.
        """
        removed = 0
        for look in range(LOOKS):
            if look:
                time.sleep(BETWEEN_S)
            try:
                with self._probes.broker() as connection:
                    removed += sum(_remove(connection.channel(), queue, unwanted) for queue in queues)
            except (pika.exceptions.AMQPError, OSError) as error:
                raise RuntimeFailed(f"the queues could not be looked through: {error!r}") from error
        return removed


def _remove(channel: Any, queue: str, unwanted: Callable[[str], bool]) -> int:
    """Hold everything that waits, let go of what is wanted. A queue that does not exist holds nothing."""
    try:
        waiting = channel.queue_declare(queue, passive=True).method.message_count
    except pika.exceptions.ChannelClosedByBroker:
        return 0
    removed = 0
    for _ in range(waiting):
        method, properties, _body = channel.basic_get(queue)
        if method and unwanted(properties.message_id or ""):
            channel.basic_ack(method.delivery_tag)
            removed += 1
    channel.close()  # what was not acknowledged goes back
    return removed
