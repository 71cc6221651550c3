"""The balancer's line for one replica leads where nobody listens; the replica itself is well.

Control's active checks take the line out after two seconds; with the flag gateway.health_checks off, only nginx's
passive ones are left to find out.
"""

from labs.faults.fault import Fault, Parameter

FAULT = Fault(
    name="lb_backend_down",
    kinds=("service",),
    sees="nothing: who is refused there is sent on to another replica, which has more to do",
    teaches="passive health checks: who pays for finding out, how often, and when a backend is asked again",
    parameters={
        "max_fails": Parameter(2, "failures", "then it is left alone; 0: it never is", most=100),
        "fail_timeout": Parameter(3, "s", "for so long", most=3600, least=1),
    },
    apply=lambda shop, target, given: shop.balancer.misplace(target, given["max_fails"], given["fail_timeout"]),
    undo=lambda shop, target: shop.balancer.find_again(target),
    outlives=True,
)
