"""A flag is changed: written down, obeyed by control itself, and followed by every replica that runs."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from compose.gateway import SpecInvalid
from compose.runtime.verbs import RuntimeFailed
from labs.control.flags import FlagBoard, Value
from labs.control.instruments import Instruments
from labs.control.lane import HOT_ITEM, ORDERING, PACKER
from labs.control.rate_limits import GatewayLimits
from labs.control.roles import Roles

FOLLOW_S = 3.0
FOLLOWERS: Mapping[str, Sequence[str]] = {
    "gateway": (),
    "postgres": (),
    "orders": ORDERING,
    "fulfilment": ("fulfilment", PACKER),
    HOT_ITEM: (*ORDERING, "storefront"),
}
"""Which services follow a flag, where it is not just the one that it is named after. Some only control obeys."""


class FlagChanges:
    """Made whatever else is under way: a kill switch must not wait for the shop's lock. Only roles and limits take it,
    when they have something to change.
    """

    def __init__(self, flags: FlagBoard, roles: Roles, limits: GatewayLimits, instruments: Instruments) -> None:
        self._flags, self._roles, self._limits, self._instruments = flags, roles, limits, instruments

    def make(self, name: str, text: str | Value) -> tuple[Value, list[str]]:
        """Set a flag; returns when every replica that runs follows. The flag's value, and who does not follow yet:
        replicas that are frozen, or did not hear of it in time. Raises UnknownFlag, RuntimeFailed.
        """
        service = name.partition(".")[0]
        value, version = self._flags.set(name, text)
        if service == "postgres":
            self._roles.obey()
        if service == "gateway":
            with suppress(RuntimeFailed, SpecInvalid):  # a gateway that is away hears it later
                self._limits.obey()
        followers = FOLLOWERS.get(name) or FOLLOWERS.get(service, (service,))
        return value, self._behind(followers, version)

    def _behind(self, followers: Sequence[str], version: int) -> list[str]:
        deadline = time.monotonic() + FOLLOW_S
        behind = self._instruments.behind(followers, version)
        while "running" in behind.values() and time.monotonic() < deadline:
            time.sleep(0.1)
            behind = self._instruments.behind(followers, version)
        return list(behind)
