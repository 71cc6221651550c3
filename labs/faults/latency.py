"""Bytes arrive late. Each piece is delayed, not each connection: so a talkative protocol suffers most."""

from labs.faults.fault import Parameter
from labs.faults.network import LONGEST_MS, toxic

PARAMETERS = {
    "latency": Parameter(300, "ms", "delay of each piece", most=LONGEST_MS),
    "jitter": Parameter(0, "ms", "up to so much more, or less", most=LONGEST_MS),
}

FAULT = toxic(
    "latency",
    "latency",
    sees="right answers, late; connections are made as fast as ever",
    teaches="timeouts and queueing: how a slow store fills every thread of whoever waits for it",
    parameters=PARAMETERS,
)
