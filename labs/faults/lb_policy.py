"""The balancer shares a service's requests in another way than was chosen."""

from compose.gateway import POLICIES
from labs.faults.fault import Fault, Parameter

FAULT = Fault(
    name="lb_policy",
    kinds=("balanced",),
    sees="nothing, or a hot replica: with ip_hash all clients of one network (first three octets) meet the same one",
    teaches="what each policy knows of the replicas, and what it costs when they, or the clients, are not alike",
    parameters={"policy": Parameter("ip_hash", "", "how requests are shared", choices=POLICIES)},
    apply=lambda shop, target, given: shop.balancer.override(target, given["policy"]),
    undo=lambda shop, target: shop.balancer.restore(target),
    outlives=True,
)
