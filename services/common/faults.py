"""Trouble on request, inside one replica: slow or failing answers, as Istio's HTTP fault injection has them.

Set by `PUT /internal/faults` on the replica itself. The gateway routes `/internal/<service>/...` only, so a shopper
can never reach it.
"""

import random
import time

from flask import Flask, Response, abort, request
from pydantic import BaseModel, Field


class HttpFault(BaseModel):
    """`fixed_delay_s` before the answer; `http_status` instead of it (0: none); for `percentage` of the requests
    under `path`.
    """

    fixed_delay_s: float = Field(default=0.0, ge=0, le=60)
    http_status: int = Field(default=0, ge=0, le=599)
    percentage: float = Field(default=100.0, ge=0, le=100)
    path: str = "/api/"


SWITCH = "/internal/faults"
"""Never struck itself: or a fault of every path could not be undone."""


class HttpFaults:
    """The fault in force in this replica, if any."""

    def __init__(self) -> None:
        self.current = HttpFault()

    def strike(self) -> None:
        """Delay or abort the present request when the fault says so."""
        fault, path = self.current, request.path
        if not (fault.fixed_delay_s or fault.http_status) or not path.startswith(fault.path) or path.startswith(SWITCH):
            return
        if random.random() * 100 >= fault.percentage:
            return
        time.sleep(fault.fixed_delay_s)
        if fault.http_status:
            abort(fault.http_status)


def install(app: Flask) -> None:
    """Add the switch and the middleware to an app."""
    faults = HttpFaults()
    app.before_request(faults.strike)

    @app.route(SWITCH, methods=["PUT"])
    def set_fault() -> Response:
        faults.current = HttpFault.model_validate_json(request.get_data())
        return Response(faults.current.model_dump_json(), mimetype="application/json")
