"""One replica answers with an error instead of doing its work. The name is Istio's."""

from labs.faults.fault import Fault, Parameter
from labs.faults.http_delay import CLEAR, PATHS
from labs.faults.targets import ANSWERS_HTTP

FAULT = Fault(
    name="http_abort",
    kinds=ANSWERS_HTTP,
    sees="errors at once, from this replica only",
    teaches="retries on another replica, error budgets",
    parameters={
        "httpStatus": Parameter(503, "", "the status to answer with", most=599, least=400),
        "percentage": Parameter(100.0, "%", "share of the requests", most=100),
        "path": Parameter("/api/", "", "only requests whose path begins so", such_as=PATHS),
    },
    apply=lambda shop, target, given: shop.put(
        target,
        "/internal/faults",
        {"http_status": given["httpStatus"], "percentage": given["percentage"], "path": given["path"]},
    ),
    undo=lambda shop, target: shop.put(target, "/internal/faults", CLEAR),
)
