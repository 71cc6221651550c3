"""The end of a connection comes late: whoever waits for it holds a socket meanwhile."""

from labs.faults.fault import Parameter
from labs.faults.network import LONGEST_MS, toxic

FAULT = toxic(
    "slow_close",
    "slow_close",
    sees="answers as ever; a connection that the server ended looks open for a while",
    teaches="sockets held, pools exhausted: a dead connection must be noticed before it is used",
    parameters={"delay": Parameter(1000, "ms", "how late the end comes", most=LONGEST_MS)},
)
