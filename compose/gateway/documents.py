"""The description as JSON, for the command line and the gateway's folder; strict, because it may come from outside."""

import json
from dataclasses import asdict, fields
from typing import Any

from compose.gateway.checks import SpecInvalid, one_of
from compose.gateway.model import Gateway, RateLimits, Server, Upstream, Waits


def to_json(spec: Gateway) -> str:
    """The description as JSON; `from_json` gives the same one back."""
    return json.dumps(asdict(spec), indent=2) + "\n"


def from_json(text: str | bytes) -> Gateway:
    """Read a description. Raises SpecInvalid: not JSON, unknown or missing members, contradictions."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise SpecInvalid(f"the description is not JSON: {error}") from error
    return _gateway(document)


def _gateway(document: Any) -> Gateway:
    members = _members(Gateway, document, "the description")
    if "waits" in members:
        members["waits"] = Waits(**_members(Waits, members["waits"], "waits"))
    if "limits" in members:
        members["limits"] = RateLimits(**_members(RateLimits, members["limits"], "limits"))
    members["upstreams"] = tuple(_upstream(each) for each in _list(members.get("upstreams", []), "upstreams"))
    return Gateway(**members)


def _upstream(document: Any) -> Upstream:
    members = _members(Upstream, document, "an upstream")
    lines = _list(members.get("servers", []), f"servers of {members['service']}")
    members["servers"] = tuple(Server(**_members(Server, line, f"a server of {members['service']}")) for line in lines)
    return Upstream(**members)


def _members(form: type, document: Any, what: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise SpecInvalid(f"{what} must be a JSON object, not {document!r}")
    known = {each.name: each for each in fields(form)}
    for name in document:
        one_of(f"member of {what}", name, list(known))
    required = {"listen", "listen_internal", "data", "service", "name", "address"}
    if missing := sorted((known.keys() & required) - document.keys()):
        raise SpecInvalid(f"{what} lacks {', '.join(missing)}")
    return dict(document)


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise SpecInvalid(f"{what} must be a JSON array, not {value!r}")
    return value
