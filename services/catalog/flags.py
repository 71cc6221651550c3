"""The catalogue's run-time switches."""

from services.common.flags import Flag
from services.common.placement import PLACEMENTS

FLAGS = (
    Flag(
        name="catalog.placement",
        default="rendezvous",
        choices=tuple(PLACEMENTS),
        help="how cached things are spread over the cache nodes",
    ),
)
