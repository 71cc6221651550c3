"""A queue may hold only so many messages. Who is turned away is the newest message, or the oldest."""

from labs.control.probes import WORK_QUEUES
from labs.faults.fault import Fault, Parameter

POLICY = "fault-queue-limit"

FAULT = Fault(
    name="queue_limit",
    kinds=("rabbitmq",),
    sees="reject-publish: orders wait in the outbox; drop-head: the oldest waiting order becomes a dead letter",
    teaches="shedding against delay: where may work wait, and who hears of it when it cannot",
    parameters={
        "queue": Parameter("fulfilment", "", "which queue", choices=WORK_QUEUES),
        "x-max-length": Parameter(10, "messages", "how many may wait", most=1_000_000),
        "x-overflow": Parameter("reject-publish", "", "what then", choices=("reject-publish", "drop-head")),
    },
    apply=lambda shop, _target, given: shop.broker.set_policy(
        POLICY, given["queue"], {"max-length": given["x-max-length"], "overflow": given["x-overflow"]}
    ),
    undo=lambda shop, _target: shop.broker.clear_policy(POLICY),
    outlives=True,
)
