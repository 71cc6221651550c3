"""A narrow line: small answers are as fast as ever, large ones take long."""

from labs.faults.fault import Parameter
from labs.faults.network import toxic

FAULT = toxic(
    "bandwidth",
    "bandwidth",
    sees="small answers as ever, large ones slowly",
    teaches="payload size: why pages, pictures and result sets are kept small",
    parameters={"rate": Parameter(10, "KB/s", "what goes through", least=1, most=1_000_000)},
)
