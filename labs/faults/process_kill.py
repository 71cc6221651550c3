"""The process ends without a chance to finish anything."""

from labs.faults.fault import ANYTHING, Fault, Parameter

FAULT = Fault(
    name="process_kill",
    kinds=ANYTHING,
    sees="connections are reset, new ones refused at once",
    teaches="fail-over to the other replicas; what work in flight is worth",
    parameters={"signal": Parameter("SIGKILL", "", "the signal to send")},
    apply=lambda shop, target, given: shop.kill(target, given["signal"]),
    undo=lambda shop, target: shop.start(target),
)
