"""The connection ends after so many bytes, in the middle of an answer if need be."""

from labs.faults.fault import Parameter
from labs.faults.network import toxic

FAULT = toxic(
    "limit_data",
    "limit_data",
    sees="answers that break off",
    teaches="half an answer is none: check the length, throw the connection away",
    parameters={"bytes": Parameter(100, "B", "that get through on each connection", most=1_000_000_000)},
)
