"""Nothing gets through: what is sent is lost, and the connection stays open. Undone, it is closed."""

from labs.faults.fault import Parameter
from labs.faults.network import LONGEST_MS, toxic

FAULT = toxic(
    "timeout",
    "timeout",
    sees="connections succeed, answers never come",
    teaches="a client without a timeout of its own waits for ever",
    parameters={"timeout": Parameter(0, "ms", "of silence, then the connection is closed; 0: never", most=LONGEST_MS)},
)
