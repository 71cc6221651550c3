"""Control tells the gateway the rate limits that the flags say, once."""

import threading
from typing import Any

from compose.gateway import Gateway, RateLimits
from labs.control.rate_limits import GatewayLimits
from services.migrate.flags import GATEWAY


class FakeBalancer:
    """Remembers what the gateway was told."""

    def __init__(self) -> None:
        self.told = Gateway(listen="127.0.0.1:1", listen_internal="127.0.0.1:2", data="/tmp/x")
        self.changes: list[RateLimits] = []

    def hold_back(self, limits: RateLimits) -> None:
        self.changes.append(limits)
        self.told = Gateway(listen="127.0.0.1:1", listen_internal="127.0.0.1:2", data="/tmp/x", limits=limits)


def obeyed(**changed: Any) -> list[RateLimits]:
    flags = {flag.name: flag.default for flag in GATEWAY} | {
        f"gateway.{name}": value for name, value in changed.items()
    }
    balancer = FakeBalancer()
    limits = GatewayLimits(balancer, flags.__getitem__, threading.RLock())  # type: ignore[arg-type]
    limits.obey()
    limits.obey()
    return balancer.changes


def test_a_gateway_begins_with_what_the_flags_say_by_default() -> None:
    assert obeyed() == []


def test_a_changed_flag_is_told_once() -> None:
    assert obeyed(rate_limits="everybody", rate_per_s=5, rate_burst=0) == [
        RateLimits(whom="everybody", per_s=5, burst=0)
    ]


def test_a_rate_of_none_is_the_lowest_there_is() -> None:
    assert obeyed(rate_per_s=0) == [RateLimits(per_s=1)]
