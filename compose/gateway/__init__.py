"""The gateway: a private nginx whose configuration is rendered from a small typed description.

Read in this order: `model` and `spec` (what it should do), `render`, `listeners` and `limits` (the nginx file), `live`
(check, apply and reload without dropping a request), `serve` (how it starts, and how it follows changing addresses in
plain Docker Compose).
Needs only the standard library and nginx-config-builder, so that it also runs in the slim gateway image.
"""

from compose.gateway.spec import (
    LIMITED,
    POLICIES,
    Gateway,
    Policy,
    RateLimits,
    Server,
    SpecInvalid,
    Upstream,
    Waits,
    from_json,
    from_replicas,
    to_json,
    with_address,
    with_down,
    with_limits,
    with_policy,
    with_replicas,
    with_weight,
)

__all__ = [
    "LIMITED",
    "POLICIES",
    "Gateway",
    "Policy",
    "RateLimits",
    "Server",
    "SpecInvalid",
    "Upstream",
    "Waits",
    "from_json",
    "from_replicas",
    "to_json",
    "with_address",
    "with_down",
    "with_limits",
    "with_policy",
    "with_replicas",
    "with_weight",
]
