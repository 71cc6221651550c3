"""The replica applies what it received only after a while: it is up, it answers, and it is behind."""

from labs.faults.fault import Fault, Parameter

SETTING = "recovery_min_apply_delay"

FAULT = Fault(
    name="replication_lag",
    kinds=("replica",),
    sees="old answers where reads go to the replica, right ones where they go to the primary",
    teaches="stale reads, and what it takes to read your own writes",
    parameters={"delay_s": Parameter(2.0, "s", "how long a commit waits before it is applied", most=600)},
    apply=lambda shop, target, given: shop.postgres.configure(target, SETTING, f"{round(given['delay_s'] * 1000)}ms"),
    undo=lambda shop, target: shop.postgres.unconfigure(target, SETTING),
    outlives=True,
)
