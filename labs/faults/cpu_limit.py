"""A component gets only a part of a processor: it does everything, slowly, and queues what it cannot do in time."""

from labs.faults.fault import Fault, Parameter
from labs.faults.targets import ANYTHING

FAULT = Fault(
    name="cpu_limit",
    kinds=ANYTHING,
    sees="nothing as long as there is little to do; then latency that grows with the queue",
    teaches="capacity: utilisation = λ · s / c, and the knee",
    parameters={"cpus": Parameter(0.1, "CPUs", "processors it may use", most=64, least=0.02)},
    apply=lambda shop, target, given: shop.limit_cpu(target, given["cpus"]),
    undo=lambda shop, target: shop.limit_cpu(target, None),
)
