"""The stream comes in crumbs. TCP promises bytes in order, never that they arrive together."""

from labs.faults.fault import Parameter
from labs.faults.network import toxic

LONGEST_US = 1_000_000

FAULT = toxic(
    "slicer",
    "slicer",
    sees="the same bytes, in many small pieces",
    teaches="framing: a reader that takes one piece for one message is wrong",
    parameters={
        "average_size": Parameter(64, "B", "of a piece", least=1, most=1_000_000),
        "size_variation": Parameter(32, "B", "up to so much more, or less", most=1_000_000),
        "delay": Parameter(1000, "µs", "between two pieces", most=LONGEST_US),
    },
)
