"""Request bodies, read as Toxiproxy's Go reads them: names in any case, `null` changes nothing, what follows the first
value is ignored, a wrong type is refused. An unknown name is ignored too, but with a warning.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from compose.wire.errors import BadRequestBody

Warn = Callable[[str], None]
"""Called with what the caller should know though it is no error."""

KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", dict: "an object"}
SIGNED_64 = range(-(2**63), 2**63)


def _not_json(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_not_json)


def first_value(body: bytes) -> Any:
    """The first JSON value. Raises BadRequestBody."""
    try:
        return _DECODER.raw_decode(body.decode().lstrip(" \t\r\n"))[0]
    except (ValueError, RecursionError) as error:
        raise BadRequestBody(str(error) if body.strip() else "it is empty") from error


def first_object(body: bytes) -> dict[str, Any]:
    """The first JSON value, which must be an object; `null` stands for an empty one. Raises BadRequestBody."""
    value = first_value(body)
    if not isinstance(value, dict | None):
        raise BadRequestBody("an object was expected")
    return value or {}


def objects(body: bytes) -> list[dict[str, Any]]:
    """The first JSON value, which must be an array of objects. Raises BadRequestBody."""
    value = first_value(body)
    if not isinstance(value, list | None) or not all(isinstance(each, dict | None) for each in value or []):
        raise BadRequestBody("an array of objects was expected")
    return [each or {} for each in value or []]


def read_fields(
    given: Mapping[str, Any], fields: Mapping[str, type], warn: Warn, *, ignored: Sequence[str] = ()
) -> dict[str, Any]:
    """Those of `fields` that are there and not null, each of its type. Raises BadRequestBody."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = key.lower()
        if name not in fields:
            if name not in ignored:
                warn(f"unknown name {key!r} ignored; known here: {', '.join(fields)}")
        elif value is not None:
            found[name] = _checked(name, value, fields[name])
    return found


def _checked(name: str, value: Any, kind: type) -> Any:
    fits = isinstance(value, int | float if kind is float else kind) and isinstance(value, bool) == (kind is bool)
    if not fits or (kind is int and value not in SIGNED_64):
        raise BadRequestBody(f"{name} must be {KINDS[kind]}")
    return value
