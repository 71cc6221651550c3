"""How much one client address may ask for, in nginx's words: a leaky bucket for each address.

In `seconds` an address gets at most 1 + burst + rate * seconds requests through; what is beyond is refused at once with
429, and never waits (nodelay). Refused ones do not count, so whoever slows down is served again.

Not limited: health, static files and pictures, which cost next to nothing and come by the dozen with every page; what
services ask of each other; and in the usual mode the shop's own machine, where browsers of learners, control and the
benches sit, who send thousands a second on purpose. What comes from an address of its own is somebody else and counts,
also where it is only made up (X-Forwarded-For, as the load generator's visitors do).

HAZARD: an address is not a person. An office or a mobile carrier shares one, a botnet has thousands: hence the generous
numbers here, and the limits in the services for each shopper and each card (`services.common.rate_limit`).
"""

from collections.abc import Iterator

from nginx.config.api.blocks import Base

from compose.gateway.directives import block, directive, quoted, remark
from compose.gateway.model import Gateway

OWN_MACHINE = ("127.0.0.0/8", "172.16.0.0/12")
"""Loopback; and, where the shop runs in containers, Docker's bridge, by which the machine itself comes in."""
ZONE = "visitors"
ZONE_SIZE = "2m"
"""16,000 addresses; the longest silent ones are forgotten first."""
FREE = {"catalog": ("/api/catalog/pictures/",), "storefront": ("/static/",)}
"""Paths without a limit, by the service that answers them."""


def counted(spec: Gateway) -> Iterator[Base]:
    """$visitor: by which address a request counts; empty when it does not. Services hear it as X-Visitor."""
    yield block(
        "geo $own_machine",
        directive("default", 0),
        *(directive(network, 1) for network in OWN_MACHINE if spec.limits.whom != "everybody"),
    )
    yield block("map $own_machine $visitor", directive("1", quoted("")), directive("default", "$remote_addr"))
    if spec.limits.whom != "off":
        yield directive("limit_req_zone", "$visitor", f"zone={ZONE}:{ZONE_SIZE}", f"rate={spec.limits.per_s}r/s")
        yield directive("limit_req_status", 429)
        yield remark("The access log has every refusal; a crowd of them must not fill the other log as well.")
        yield directive("limit_req_log_level", "info")


def limit(spec: Gateway) -> Iterator[Base]:
    """For a location: who asks too often is refused here."""
    if spec.limits.whom != "off":
        burst = [f"burst={spec.limits.burst}"] if spec.limits.burst else []  # nginx refuses burst=0
        yield directive("limit_req", f"zone={ZONE}", *burst, "nodelay")
