"""The broker sees less free disk than it wants: it stops reading from whoever publishes, before the disk is full."""

from labs.faults.fault import Fault, Parameter

RESTORE = "{ok, Limit} = application:get_env(rabbit, disk_free_limit), rabbit_disk_monitor:set_disk_free_limit(Limit)."

FAULT = Fault(
    name="broker_disk_alarm",
    kinds=("rabbitmq",),
    sees="orders are confirmed; they wait in the outbox, what is in the queues is still delivered",
    teaches="an alarm that protects the disk is an outage for publishers: watch the limit, not only the disk",
    parameters={"set_disk_free_limit": Parameter(1_000_000, "GB", "free disk it wants", most=1_000_000_000)},
    apply=lambda shop, _target, given: shop.broker.ctl("set_disk_free_limit", f"{given['set_disk_free_limit']}GB"),
    undo=lambda shop, _target: shop.broker.ctl("eval", RESTORE),
)
