"""Orders' run-time switches."""

from services.common.flags import Flag

FLAGS = (
    Flag(
        name="orders.ship_in_request",
        default=False,
        help="whether a checkout waits until its parcel is packed, instead of leaving that to the queue",
    ),
)
