"""The replica is shut down in good order."""

from labs.faults.fault import Fault

FAULT = Fault(
    name="replica_stop",
    kinds=("replica",),
    sees="nothing: reads go to the primary, which has more to do",
    teaches="what a replica is worth, and that a fallback must carry the load of both",
    apply=lambda shop, target, _given: shop.stop(target, 5.0),
    undo=lambda shop, target: shop.start(target),
)
