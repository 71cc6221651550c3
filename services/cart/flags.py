"""The cart's run-time switches."""

from services.cart.carts import COPIES, REMOVALS_S
from services.common.flags import Flag
from services.common.shedding import shedding_flag

FLAGS = (
    Flag(
        name="cart.sessions",
        default="shared",
        choices=("shared", "local"),
        help="where carts are kept: on two cache nodes, or in the memory of the replica that is asked",
    ),
    Flag(
        name="cart.copies",
        default="merge",
        choices=tuple(COPIES),
        help="what becomes of a cart whose node is away: its other copy is enough and another node helps out, "
        "it takes no writes, or there was only this copy",
    ),
    Flag(
        name="cart.removals_s", default=REMOVALS_S, unit="s", help="how long it is remembered that an item was removed"
    ),
    shedding_flag("cart"),
)
