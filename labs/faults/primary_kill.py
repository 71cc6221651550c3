"""The primary dies as in a power cut, with whatever was not yet on disk."""

from labs.faults.fault import Fault

FAULT = Fault(
    name="primary_kill",
    kinds=("primary",),
    sees="no order is taken until it is healed or replaced; what is only read, and the cart, go on",
    teaches="fail-over: how long until somebody takes writes again, and what was confirmed but lost",
    apply=lambda shop, target, _given: shop.kill(target, "SIGKILL"),
    undo=lambda shop, target: shop.start(target),
)
