"""The services that the order path needs, over HTTP. All idempotent by key, so every call may be retried.

A number of seconds in a call is the bound on that whole call, retries included.
"""

from collections.abc import Sequence
from typing import Any

from services.common.errors import Invalid, NotFound
from services.common.http import Peers
from services.orders.attempts import PricedLine


class Catalog:
    """What things are called and cost."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def price(self, sku: str, quantity: int, total_s: float) -> PricedLine:
        """A line at today's price. Raises Invalid when there is no such product."""
        try:
            product = self._peers.get(f"/api/catalog/products/{sku}", total_s=total_s)
        except NotFound as error:
            raise Invalid(f"there is no product {sku}", sku=sku) from error
        return PricedLine(sku, product["name"], quantity, product["price_cents"])


class Inventory:
    """Who keeps the stock."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def reserve(self, key: str, lines: Sequence[PricedLine], total_s: float) -> None:
        """Hold all lines for a while. Raises Conflict with `state`: refused (never held), expired, released."""
        items = [{"sku": line.sku, "quantity": line.quantity} for line in lines]
        self._peers.call(
            "POST", "/internal/inventory/reservations", {"key": key, "items": items}, safe=True, total_s=total_s
        )

    def commit(self, key: str, total_s: float) -> None:
        """Held becomes sold. Raises Conflict with `state` when it is not held any more, NotFound."""
        self._peers.call("POST", f"/internal/inventory/reservations/{key}/commit", safe=True, total_s=total_s)

    def release(self, key: str, total_s: float) -> None:
        """Give back, for good: nothing can be held under this key afterwards."""
        self._peers.call("POST", f"/internal/inventory/reservations/{key}/release", safe=True, total_s=total_s)


class Payments:
    """Who takes the money."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def charge(self, key: str, amount_cents: int, token: str, total_s: float) -> None:
        """Charge once. Raises Declined, or Conflict when the key was voided."""
        body = {"key": key, "amount_cents": amount_cents, "token": token}
        self._peers.call("POST", "/internal/payments/charges", body, safe=True, total_s=total_s)

    def state(self, key: str, total_s: float) -> str:
        """charged, declined, refunded, voided; none when nothing was recorded so far."""
        try:
            charge: dict[str, Any] = self._peers.get(f"/internal/payments/charges/{key}", total_s=total_s)
        except NotFound:
            return "none"
        return str(charge["state"])

    def refund(self, key: str, total_s: float) -> None:
        """Give back, for good: nothing can be charged under this key afterwards."""
        self._peers.call("POST", f"/internal/payments/charges/{key}/refund", safe=True, total_s=total_s)


class Fulfilment:
    """Who packs."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def pack(self, order_id: str, lines: Sequence[PricedLine], total_s: float) -> None:
        """Wait until the parcel is packed. One attempt has all the time there is: packing is slow by its nature."""
        items = [{"sku": line.sku, "quantity": line.quantity} for line in lines]
        self._peers.call("PUT", f"/internal/fulfilment/parcels/{order_id}", {"items": items}, total_s=total_s)
