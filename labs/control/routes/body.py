"""What a request must say."""

from typing import Any

from flask import abort, request


def given(name: str, kind: type, default: Any = None) -> Any:
    """A member of the request's JSON body; answers 400 when it is missing or of another kind."""
    body = request.get_json(silent=True)
    value = body.get(name, default) if isinstance(body, dict) else default
    if value is None:
        abort(400, f"{name} is missing")
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        abort(400, f"{name} must be a {kind.__name__}")
    return value
