"""Inventory's run-time switches."""

from services.common.flags import Flag
from services.common.shedding import shedding_flag

FLAGS = (
    Flag(
        name="inventory.stock",
        default="buckets",
        choices=("naive", "row_lock", "conditional", "buckets"),
        help="how pieces are taken when many want the same ones",
    ),
    Flag(
        name="inventory.decide_ms",
        default=0.0,
        unit="ms",
        help="how long it takes to decide whether a buyer may have the pieces: limits for each household, fraud",
    ),
    shedding_flag("inventory"),
)
