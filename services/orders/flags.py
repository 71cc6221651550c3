"""Orders' run-time switches."""

from services.common.flags import Flag
from services.common.lane import HOT_ITEM
from services.common.protection import peer_flags
from services.common.shedding import shedding_flag

FLAGS = (
    Flag(
        name="orders.idempotent", default=True, help="the same Idempotency-Key again is the same order, not another one"
    ),
    Flag(
        name="orders.read_your_writes",
        default=True,
        help="an order is shown from the primary, not from the replica, which may not have it yet",
    ),
    Flag(
        name="orders.confirm",
        default="when_paid",
        choices=("when_paid", "at_once"),
        help="when a shopper is told that an order is placed: when it is paid and written down, or before it is tried",
    ),
    Flag(
        name="orders.ship_in_request",
        default=False,
        help="whether a checkout waits until its parcel is packed, instead of leaving that to the queue",
    ),
    Flag(
        name="orders.admission",
        default="",
        help="the sale whose item is sold only to those whom its waiting room has admitted, as `./shoplab sale start` "
        "calls it; nothing: everybody may buy everything",
    ),
    Flag(
        name="orders.intake",
        default="promise_later",
        choices=("off", "refuse", "promise_later"),
        help="what becomes of orders that would wait for packing longer than the limit: taken in silence, refused "
        "before anything is charged, or taken with an honest date",
    ),
    Flag(name="orders.intake_limit_s", default=10.0, unit="s", help="how long an order may wait for packing"),
    Flag(
        name="orders.rate_limit",
        default=20,
        unit="checkouts/min",
        help="how many one shopper may try, and with one card; 0: any number",
    ),
    HOT_ITEM,
    *peer_flags("orders"),
    shedding_flag("orders"),
)
