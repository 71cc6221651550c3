"""The gateway's rate limits are what the flags say: told when a flag is set, and looked after once a second, as flags
may have come back with a restored database, and the gateway may have been away.
"""

import threading

from compose.gateway import RateLimits
from labs.control.balancer import Balancer
from labs.control.flags import Setting
from labs.control.watching import watch

EVERY_S = 1.0


class GatewayLimits:
    """`setting` gives a flag's value, `lock` is the shop's."""

    def __init__(self, balancer: Balancer, setting: Setting, lock: threading.RLock) -> None:
        self._balancer, self._setting, self._lock = balancer, setting, lock

    def start(self) -> None:
        """Look after them as long as this process lives."""
        watch("rate limits", self.obey, EVERY_S)

    def obey(self) -> None:
        """Tell the gateway, if it does not know. Raises RuntimeFailed, SpecInvalid."""
        wanted = RateLimits(
            whom=self._setting("gateway.rate_limits"),
            per_s=max(1, int(self._setting("gateway.rate_per_s"))),
            burst=int(self._setting("gateway.rate_burst")),
        )
        if self._balancer.told.limits != wanted:
            with self._lock:
                self._balancer.hold_back(wanted)
