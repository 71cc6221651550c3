"""Carts as values that can be merged: pure functions, no clock, no network.

A cart is a map from sku to its newest known line. Merging takes, for every sku, the line with the highest (version,
replica, quantity): that is commutative, associative and idempotent, so copies agree whatever the order in which they
meet, however often.

A removed item stays as a line of quantity 0 (a tombstone), or merging would bring it back. Tombstones are kept for a
while only and may be lost with a node, and then a deleted item comes back. That is Dynamo's choice: "add to cart" is
never lost, deleted items can resurface (DeCandia et al., "Dynamo: Amazon's Highly Available Key-value Store", 2007).
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

MOST_TOMBSTONES = 100


class Line(NamedTuple):
    """One item; compared in this order. `version` is milliseconds since 1970, or more when two writes fell into one."""

    version: int
    replica: str
    quantity: int


Cart = Mapping[str, Line]


def merge(*carts: Cart) -> dict[str, Line]:
    """What all of them know together; sorted by sku, so that equal carts are equal bytes."""
    skus = sorted({sku for cart in carts for sku in cart})
    return {sku: max(cart[sku] for cart in carts if sku in cart) for sku in skus}


def written(cart: Cart, quantities: Mapping[str, int], replica: str, now_ms: int) -> dict[str, Line]:
    """The cart after a write by `replica`, newer than all it has seen even when the clocks disagree (a hybrid logical
    clock: Kulkarni et al., 2014).
    """
    version = max([now_ms, *(line.version + 1 for line in cart.values())])
    return merge(cart, {sku: Line(version, replica, quantity) for sku, quantity in quantities.items()})


def without_old_tombstones(cart: Cart, before_ms: int) -> dict[str, Line]:
    """Forget what was removed before then, and more than a hundred removals."""
    removed = sorted((line for line in cart.values() if line.quantity == 0), reverse=True)[:MOST_TOMBSTONES]
    kept = {line for line in removed if line.version >= before_ms}
    return {sku: line for sku, line in cart.items() if line.quantity > 0 or line in kept}


def items(cart: Cart) -> dict[str, int]:
    """What the shopper sees: sku and quantity."""
    return {sku: line.quantity for sku, line in sorted(cart.items()) if line.quantity > 0}


def encode(cart: Cart) -> bytes:
    """As it is kept."""
    return json.dumps(cart, separators=(",", ":"), sort_keys=True).encode()


def decode(kept: bytes | None) -> dict[str, Line]:
    """From what is kept; nothing is an empty cart."""
    return {sku: Line(*line) for sku, line in json.loads(kept or b"{}").items()}
