"""Charging a card once per key."""

from typing import Protocol

from prometheus_client import Counter

from services.common.errors import Conflict, Declined, NotFound
from services.payments.charges import Charge

CHARGES = Counter("shop_charges_total", "Outcomes recorded", ["state"])


class Charges(Protocol):
    """What is remembered; see `charges.Charges`."""

    def find(self, key: str) -> Charge: ...
    def record(self, key: str, state: str, amount_cents: int) -> tuple[Charge, bool]: ...


class Provider(Protocol):
    """Who decides; see `provider.Provider`."""

    def decide(self, token: str) -> str: ...


def charge(charges: Charges, provider: Provider, key: str, amount_cents: int, token: str) -> tuple[Charge, bool]:
    """Charge `amount_cents` unless this key has its outcome; tells whether anything new happened.

    The provider is asked outside of any transaction. Two requests with one key may both ask it; the outcome recorded
    first counts for both. Raises Declined, Conflict (other amount, refunded, voided), Unavailable.
    """
    try:
        return _accepted(charges.find(key), amount_cents), False
    except NotFound:
        pass
    recorded, new = charges.record(key, provider.decide(token), amount_cents)
    if new:
        CHARGES.labels(recorded.state).inc()
    return _accepted(recorded, amount_cents), new


def _accepted(charge: Charge, amount_cents: int) -> Charge:
    if charge.state == "declined":
        raise Declined("the card was declined")
    if charge.state != "charged":
        raise Conflict(f"charge {charge.key} was {charge.state}", state=charge.state)
    if charge.amount_cents != amount_cents:
        raise Conflict(f"charge {charge.key} is for another amount", state=charge.state)
    return charge
