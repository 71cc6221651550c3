"""All carts: each on two living Memcached nodes, so that any one node may be lost.

The nodes do not know each other. A reader merges both copies and repairs the one that lags; a writer merges into each
copy and never replaces it, so two writers at once both survive.

    merge    two copies; another node takes the place of one that is away (the rule)
    refuse   two copies at home or no write: what is shown is never old, and whose node is away cannot shop
    single   one copy: half the work, and a node that is lost empties its carts
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from services.cart.merge import Cart, Line, decode, encode, items, merge, without_old_tombstones, written
from services.common.errors import Conflict, Unavailable
from services.common.fields import MOST_LINES
from services.common.memcached import NodeFailed
from services.common.placement import ranked
from services.common.telemetry import DEGRADED

T = TypeVar("T")
REMOVALS_S = 3600.0


class Copies(NamedTuple):
    """A write goes to `wanted` nodes and counts when `least` have it; another node takes the place of one that is away
    unless a cart must stay `at_home`.
    """

    wanted: int = 2
    least: int = 1
    at_home: bool = False


COPIES: Mapping[str, Copies] = {"merge": Copies(), "refuse": Copies(least=2, at_home=True), "single": Copies(wanted=1)}


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
    """Every method answers the whole cart, sku to quantity. Raises Unavailable when no node answers at all, or fewer
    than `copies()` wants for a write.

    `writer` is asked for this replica's name, which no other replica may have; a removal is remembered for
    `removals_s()` seconds.
    """

    def __init__(
        self,
        nodes: Sequence[Keeper],
        writer: Callable[[], str],
        ttl_s: float,
        clock_ms: Callable[[], int] = now_ms,
        copies: Callable[[], Copies] = Copies,
        removals_s: Callable[[], float] = lambda: REMOVALS_S,
    ) -> None:
        self._nodes, self._writer, self._ttl_s, self._clock_ms = nodes, writer, ttl_s, clock_ms
        self._copies, self._removals_s = copies, removals_s

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
        return self._on_copies(cart_id, 1, lambda node, key: decode(node.get(key)))

    def _write(self, cart_id: str, cart: Cart) -> Cart:
        oldest_ms = self._clock_ms() - round(self._removals_s() * 1000)

        def with_this(kept: bytes | None) -> bytes:
            return encode(without_old_tombstones(merge(decode(kept), cart), oldest_ms))

        least = min(self._copies().least, len(self._nodes))
        kept = self._on_copies(cart_id, least, lambda node, key: node.update(key, with_this, self._ttl_s))
        return merge(*map(decode, kept))

    def _on_copies(self, cart_id: str, least: int, ask: Callable[[Keeper, str], T]) -> list[T]:
        """Ask the first living nodes in the cart's order; instead of one that fails the next is asked. Not one is asked
        when fewer than `least` live; when all were left alone after a failure, they are asked all the same.
        """
        key, answers, wanted = f"cart:{cart_id}", list[T](), self._copies().wanted
        order = self._order(key)
        living = [node for node in order if node.alive()] or order
        if not all(node.alive() for node in order[:wanted]):
            DEGRADED.labels("cart_node_left_alone").inc()
        for node in living if len(living) >= least else []:
            try:
                answers.append(ask(node, key))
            except NodeFailed:
                DEGRADED.labels("cart_node_failed").inc()
            if len(answers) == wanted:
                return answers
        if len(answers) < least:
            raise Unavailable(f"{len(answers)} of the {least} cache nodes that must keep this cart answer")
        DEGRADED.labels("cart_on_one_node").inc()
        return answers

    def _order(self, key: str) -> Sequence[Keeper]:
        order = ranked(self._nodes, key)
        return order[: self._copies().wanted] if self._copies().at_home else order
