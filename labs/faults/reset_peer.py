"""Connections are reset instead of answered: the request may have been worked on, and nobody says so."""

from labs.faults.fault import Parameter
from labs.faults.network import LONGEST_MS, toxic

FAULT = toxic(
    "reset_peer",
    "reset_peer",
    sees="connection reset by peer, where an answer was expected",
    teaches="retries are only safe for what is idempotent: the write may be half done, or done",
    parameters={"timeout": Parameter(0, "ms", "how long after the first piece", most=LONGEST_MS)},
)
