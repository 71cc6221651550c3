"""Takes back what was reserved and never paid."""

from typing import Protocol

from services.common.telemetry import log

AT_ONCE = 200


class Expiring(Protocol):
    """What the sweeper needs; see `stock.Stock.expire_one`."""

    def expire_one(self) -> str | None: ...


def sweep(stock: Expiring) -> int:
    """Expire what is overdue, at most 200 at once; how many it was."""
    for done in range(AT_ONCE):
        key = stock.expire_one()
        if key is None:
            return done
        log().info("reservation_expired", key=key)
    return AT_ONCE
