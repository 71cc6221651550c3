"""The process is there but silent: its sockets accept, nothing answers, callers hang until their own timeout."""

from labs.faults.fault import ANYTHING, Fault

FAULT = Fault(
    name="process_pause",
    kinds=ANYTHING,
    sees="connections succeed, answers never come",
    teaches="slow is worse than down; a health check that only connects sees nothing",
    apply=lambda shop, target, _given: shop.pause(target),
    undo=lambda shop, target: shop.start(target),
)
