"""One replica answers late: the tail of one route, or a slow neighbour behind a balancer. The name is Istio's."""

from labs.faults.fault import Fault, Parameter
from labs.faults.targets import ANSWERS_HTTP

CLEAR = {"fixed_delay_s": 0.0, "http_status": 0}
PATHS = ("/api/", "/internal/", "/")
"""What shoppers ask for, what services ask of each other, and all of it with pages, health checks and metrics."""

FAULT = Fault(
    name="http_delay",
    kinds=ANSWERS_HTTP,
    sees="right answers, late, from this replica only",
    teaches="why the median hides what the tail suffers; why least connections exists",
    parameters={
        "fixedDelay": Parameter(0.3, "s", "delay before the answer", most=60),
        "percentage": Parameter(100.0, "%", "share of the requests", most=100),
        "path": Parameter("/api/", "", "only requests whose path begins so", such_as=PATHS),
    },
    apply=lambda shop, target, given: shop.put(
        target,
        "/internal/faults",
        {"fixed_delay_s": given["fixedDelay"], "percentage": given["percentage"], "path": given["path"]},
    ),
    undo=lambda shop, target: shop.put(target, "/internal/faults", CLEAR),
)
