"""Death on request, inside one worker, at the worst moment: the work is done, and the broker does not know it yet."""

import os
import signal

from flask import Flask, Response, request
from pydantic import BaseModel


class CrashFault(BaseModel):
    """Whether the worker is to die after its next piece of work."""

    armed: bool = False


class CrashBeforeAck:
    """To be called between the work and the word to the broker."""

    def __init__(self) -> None:
        self.current = CrashFault()

    def __call__(self) -> None:
        """Die as in a power cut when the fault says so: no goodbye, nothing is finished."""
        if self.current.armed:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self, app: Flask) -> None:
        """Add the switch to a worker's app. The gateway leads nobody there."""

        @app.route("/internal/faults/crash", methods=["PUT"])
        def set_crash() -> Response:
            fault = CrashFault.model_validate_json(request.get_data())
            answer = Response(fault.model_dump_json(), mimetype="application/json")
            answer.call_on_close(lambda: setattr(self, "current", fault))  # who asked shall have the answer first
            return answer
