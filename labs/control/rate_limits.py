"""The gateway's rate limits are what the flags say: told when a flag is set, and looked after once a second, as flags
may have come back with a restored database, and the gateway may have been away.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from compose.gateway import RateLimits, SpecInvalid
from compose.runtime.verbs import RuntimeFailed
from labs.control.balancer import Balancer

EVERY_S = 1.0


class GatewayLimits:
    """`setting` gives a flag's value, `lock` is the shop's."""

    def __init__(self, balancer: Balancer, setting: Callable[[str], Any], lock: threading.RLock) -> None:
        self._balancer, self._setting, self._lock = balancer, setting, lock

    def start(self) -> None:
        """Look after them as long as this process lives."""
        threading.Thread(target=self._run, name="rate limits", daemon=True).start()

    def _run(self) -> None:
        while True:
            with suppress(RuntimeFailed, SpecInvalid, psycopg.Error):  # the gateway, or the flags, are away: later
                self.obey()
            time.sleep(EVERY_S)

    def obey(self) -> None:
        """Tell the gateway, if it does not know. Raises RuntimeFailed."""
        wanted = RateLimits(
            whom=self._setting("gateway.rate_limits"),
            per_s=max(1, int(self._setting("gateway.rate_per_s"))),
            burst=int(self._setting("gateway.rate_burst")),
        )
        if self._balancer.told.limits != wanted:
            with self._lock:
                self._balancer.hold_back(wanted)
