"""Putting right by hand what the shop cannot put right by itself."""

# mypy: disallow-untyped-calls=False
from typing import Any

import pika

from compose.runtime.verbs import RuntimeFailed, UnknownComponent
from labs.control.probes import WORK_QUEUES, Probes
from labs.faults.fault import near

RECALL = """
update fulfilment.parcels set called_back_at = now() where called_back_at is null and parcel_id not in (
    select min(parcel_id) from fulfilment.parcels where called_back_at is null group by order_id)
"""
RESEND = """
update orders.outbox set sent_at = null where sent_at < now() - interval '1 s' and (
    not exists (select from notifications.messages where messages.event_id = outbox.event_id)
    or event = 'order.placed' and exists (
        select from orders.orders where order_id = payload ->> 'order_id' and status = 'confirmed'))
"""
COUNT = "select available from inventory.stock where sku = %s order by bucket for update"
RESTOCK = """
update inventory.stock set available = pieces, stock = pieces + reserved + sold, guarded = true
from (select bucket, case bucket when 0 then %(left)s else 0 end as pieces
      from inventory.stock where sku = %(sku)s) delivery
where sku = %(sku)s and stock.bucket = delivery.bucket
"""
RETRIES = "x-retries"
"""The header in which the shop's workers count how often a message was tried again."""


class Repairs:
    """Each says how much there was to do, and may be repeated at any time. Raises RuntimeFailed."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes

    def redeliver(self, queue: str) -> int:
        """Put a queue's dead letters back into it, with all their tries before them again; how many.

        A letter leaves the dead ones once the broker has confirmed its copy: whatever breaks, none is lost. Those that
        die again meanwhile are left alone. Raises UnknownComponent for a queue that has no workers.
        """
        if queue not in WORK_QUEUES:
            raise UnknownComponent(f"there is no queue {queue!r} with dead letters; {near(queue, WORK_QUEUES)}")
        try:
            with self._probes.broker() as connection:
                return _put_back(connection.channel(), queue)
        except (pika.exceptions.AMQPError, OSError) as error:
            raise RuntimeFailed(f"the dead letters of {queue} could not all be put back: {error!r}") from error

    def recall(self) -> int:
        """Call back every parcel beyond the first of its order; how many."""
        with self._probes.sql() as connection:
            return connection.execute(RECALL).rowcount

    def restock(self, sku: str, left: int) -> int:
        """Deliver pieces, or take some away, until exactly `left` are there and not promised to anybody; how many had
        been promised and were not there. Raises UnknownComponent when the shop does not sell it.
        """
        with self._probes.sql() as connection:
            shelf: list[int] = [row["available"] for row in connection.execute(COUNT, (sku,)).fetchall()]
            if not shelf:
                raise no_item(sku)
            connection.execute(RESTOCK, {"sku": sku, "left": left})
        return max(0, -sum(shelf))

    def resend(self) -> int:
        """Have the relay announce again what it announced more than a second ago and left no trace: no letter, or an
        order not shipped. Harmless for what is merely late, as workers are idempotent. How many events.
        """
        with self._probes.sql() as connection:
            return connection.execute(RESEND).rowcount


def no_item(sku: str) -> UnknownComponent:
    """The error for what the shop does not sell, to be raised."""
    return UnknownComponent(f"there is no item {sku!r}; an item is called by its sku, such as tea-001")


def _put_back(channel: Any, queue: str) -> int:
    dead = f"{queue}.dead"
    letters = channel.queue_declare(dead, passive=True).method.message_count
    channel.confirm_delivery()
    for put_back in range(letters):
        method, properties, body = channel.basic_get(dead)
        if method is None:
            return put_back
        properties.headers = {name: v for name, v in (properties.headers or {}).items() if name != RETRIES}
        channel.basic_publish("", queue, body, properties, mandatory=True)
        channel.basic_ack(method.delivery_tag)
    return int(letters)
