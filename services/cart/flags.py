"""The cart's run-time switches."""

from services.common.flags import Flag

FLAGS = (
    Flag(
        name="cart.sessions",
        default="shared",
        choices=("shared", "local"),
        help="where carts are kept: on two cache nodes, or in the memory of the replica that is asked",
    ),
)
