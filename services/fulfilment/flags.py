"""Fulfilment's run-time switches."""

from services.common.flags import Flag
from services.common.protection import peer_flags
from services.common.shedding import shedding_flag

FLAGS = (
    Flag(name="fulfilment.pack_ms", default=5.0, unit="ms", help="how long packing one order takes"),
    Flag(
        name="fulfilment.retry",
        default="limited",
        choices=("limited", "limited_in_memory", "requeue_forever"),
        help="what becomes of a message whose work failed",
    ),
    Flag(
        name="fulfilment.ack",
        default="after_work",
        choices=("after_work", "on_delivery"),
        help="when the broker may forget a message: when its work is done, or as soon as it was sent",
    ),
    Flag(name="fulfilment.idempotent", default=True, help="an order that comes again is not packed again"),
    *peer_flags("fulfilment"),
    shedding_flag("fulfilment"),
)
