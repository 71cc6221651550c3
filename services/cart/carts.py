"""All carts: each on two living Memcached nodes, so that any one node may be lost.

The nodes do not know each other. A reader merges both copies and repairs the one that lags; a writer merges into each
copy and never replaces it, so two writers at once both survive.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from services.cart.merge import Cart, Line, decode, encode, items, merge, without_old_tombstones, written
from services.common.errors import Conflict, Unavailable
from services.common.fields import MOST_LINES
from services.common.memcached import NodeFailed
from services.common.placement import ranked
from services.common.telemetry import DEGRADED

T = TypeVar("T")
COPIES = 2
TOMBSTONES_MS = 3_600_000


class Keeper(Protocol):
    """What a cart's copy is kept on: a `Node`, or a `Memory`. Raises NodeFailed."""

    @property
    def address(self) -> str: ...
    def alive(self) -> bool: ...
    def get(self, key: str) -> bytes | None: ...
    def update(self, key: str, change: Callable[[bytes | None], bytes], ttl_s: float) -> bytes: ...


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Carts:
    """Every method answers the whole cart, sku to quantity. Raises Unavailable only when no node answers at all.

    `writer` is asked for this replica's name, which no other replica may have.
    """

    def __init__(
        self, nodes: Sequence[Keeper], writer: Callable[[], str], ttl_s: float, clock_ms: Callable[[], int] = now_ms
    ) -> None:
        self._nodes, self._writer, self._ttl_s, self._clock_ms = nodes, writer, ttl_s, clock_ms

    def get(self, cart_id: str) -> dict[str, int]:
        """What is in it; nothing when nobody ever put something in, or for longer than it is kept."""
        copies = self._read(cart_id)
        cart: Cart = merge(*copies)
        if any(copy != cart for copy in copies):
            cart = self._write(cart_id, cart)
        return items(cart)

    def put(self, cart_id: str, sku: str, quantity: int) -> dict[str, int]:
        """Want so many of this. Raises Conflict when the cart has too many different ones."""
        cart = merge(*self._read(cart_id))
        wanted = items(cart)
        if sku not in wanted and len(wanted) >= MOST_LINES:
            raise Conflict(f"a cart holds at most {MOST_LINES} different products")
        return items(self._write(cart_id, self._changed(cart, {sku: quantity})))

    def remove(self, cart_id: str, sku: str) -> dict[str, int]:
        """No longer want this."""
        return self._remove(cart_id, lambda wanted: wanted == sku)

    def clear(self, cart_id: str) -> dict[str, int]:
        """Want nothing any more."""
        return self._remove(cart_id, lambda _: True)

    def _remove(self, cart_id: str, unwanted: Callable[[str], bool]) -> dict[str, int]:
        cart = merge(*self._read(cart_id))
        removed = {sku: 0 for sku in items(cart) if unwanted(sku)}
        return items(self._write(cart_id, self._changed(cart, removed)) if removed else cart)

    def _changed(self, cart: Cart, quantities: dict[str, int]) -> Cart:
        return written(cart, quantities, self._writer(), self._clock_ms())

    def _read(self, cart_id: str) -> list[dict[str, Line]]:
        return self._on_copies(cart_id, lambda node, key: decode(node.get(key)))

    def _write(self, cart_id: str, cart: Cart) -> Cart:
        oldest_ms = self._clock_ms() - TOMBSTONES_MS

        def with_this(kept: bytes | None) -> bytes:
            return encode(without_old_tombstones(merge(decode(kept), cart), oldest_ms))

        kept = self._on_copies(cart_id, lambda node, key: node.update(key, with_this, self._ttl_s))
        return merge(*map(decode, kept))

    def _on_copies(self, cart_id: str, ask: Callable[[Keeper, str], T]) -> list[T]:
        """Ask the first two living nodes in the cart's order; instead of one that fails the next is asked.

        When all were left alone after a failure they are asked all the same: a cart must be writable.
        """
        key, answers = f"cart:{cart_id}", list[T]()
        order = ranked(self._nodes, key)
        for node in [node for node in order if node.alive()] or order:
            try:
                answers.append(ask(node, key))
            except NodeFailed:
                DEGRADED.labels("cart_node_failed").inc()
            if len(answers) == COPIES:
                return answers
        if not answers:
            raise Unavailable("no cache node answers: the cart can neither be read nor written")
        DEGRADED.labels("cart_on_one_node").inc()
        return answers
