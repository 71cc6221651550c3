"""The process is asked to end and may finish what it is doing; after the grace it is killed."""

from labs.faults.fault import Fault, Parameter
from labs.faults.targets import ANYTHING

FAULT = Fault(
    name="process_stop",
    kinds=ANYTHING,
    sees="requests in flight are answered, new connections are refused",
    teaches="a graceful drain against a kill",
    parameters={"time": Parameter(5.0, "s", "grace before it is killed", most=60)},
    apply=lambda shop, target, given: shop.stop(target, given["time"]),
    undo=lambda shop, target: shop.start(target),
)
