"""A queue may hold only so many messages. Who is turned away is the newest message, or the oldest."""

from labs.control.probes import WORK_QUEUES
from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient

POLICY = "fault-queue-limit"
PLENTY = {"max-length": 1_000_000, "overflow": "reject-publish"}


def undo(shop: Patient, _target: str) -> None:
    """Widen the limit, then lift it: a quorum queue without a limit never tells those whom it has turned away that they
    may go on, and whoever passes messages on from a retry queue would wait for that for ever.
    """
    shop.broker.set_policy(POLICY, f"({'|'.join(WORK_QUEUES)})", PLENTY)
    shop.broker.clear_policy(POLICY)


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
    undo=undo,
    outlives=True,
)
