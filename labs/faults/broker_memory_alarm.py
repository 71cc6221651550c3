"""The broker has more in memory than it may: it stops reading from whoever publishes."""

from labs.faults.fault import Fault, Parameter

RESTORE = (
    "{ok, Limit} = application:get_env(rabbit, vm_memory_high_watermark),"
    " vm_memory_monitor:set_vm_memory_high_watermark(Limit)."
)

FAULT = Fault(
    name="broker_memory_alarm",
    kinds=("rabbitmq",),
    sees="orders are confirmed; they wait in the outbox, what is in the queues is still delivered",
    teaches="publishers block, consumers go on: never share a connection between them, bound the wait",
    parameters={
        "set_vm_memory_high_watermark": Parameter(0.0, "", "share of the machine's memory it may use", most=1),
    },
    apply=lambda shop, _target, given: shop.broker.ctl(
        "set_vm_memory_high_watermark", str(given["set_vm_memory_high_watermark"])
    ),
    undo=lambda shop, _target: shop.broker.ctl("eval", RESTORE),
)
