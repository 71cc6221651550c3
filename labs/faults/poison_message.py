"""Messages that no worker can ever digest: well formed, and every attempt to handle one fails."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from labs.control.probes import QUEUES, WORK_QUEUES
from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient

MARK = "poison-"


def apply(shop: Patient, _target: str, given: Mapping[str, Any]) -> None:
    """Publish them past the outbox."""
    shop.broker.publish(given["queue"], poison(given["count"]))


def poison(count: int) -> Iterator[tuple[str, bytes]]:
    """Messages (id, body). The order's id holds the one character that Postgres can keep in no text."""
    for _ in range(count):
        name = f"{MARK}{uuid.uuid4()}"
        event = {"event_id": name, "order_id": f"{MARK}\0", "items": [], "total_cents": 0, "placed_at": "1970-01-01"}
        yield name, json.dumps(event).encode()


def undo(shop: Patient, _target: str) -> None:
    """Take every drop out. No worker may have one in hand meanwhile: it could put it back behind our back."""
    with shop.workers_away():
        shop.broker.remove(QUEUES, lambda message_id: message_id.startswith(MARK))


FAULT = Fault(
    name="poison_message",
    kinds=("rabbitmq",),
    sees="nothing, as long as each is tried a few times and then put aside; else the queue stands still",
    teaches="redelivery with a limit, dead letters, and who looks at them",
    parameters={
        "count": Parameter(1, "messages", "how many", most=1000, least=1),
        "queue": Parameter("fulfilment", "", "where to", choices=WORK_QUEUES),
    },
    apply=apply,
    undo=undo,
    outlives=True,
)
