"""Which cache node keeps which key: the same in every replica, without asking anybody.

Both ways spread keys evenly. They differ in how many keys move when one of n nodes is lost: with `modulo` all but one
in n, with `rendezvous` only those that the lost node kept, one in n.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol, TypeVar

from services.common.memcached import Node


class Addressed(Protocol):
    """All that a node's rank depends on."""

    @property
    def address(self) -> str: ...


N = TypeVar("N", bound=Addressed)

Place = Callable[[str], Node | None]
"""The living node that keeps a key; None when no node lives."""


def rendezvous(nodes: Sequence[Node]) -> Place:
    """The first living node in the key's own order. Orders are remembered: making one costs a hash per node."""
    order = lru_cache(maxsize=4096)(lambda key: ranked(nodes, key))
    return lambda key: next((node for node in order(key) if node.alive()), None)


def modulo(nodes: Sequence[Node]) -> Place:
    """The key's hash modulo the number of living nodes: what everybody writes first."""

    def place(key: str) -> Node | None:
        living = [node for node in nodes if node.alive()]
        return living[int.from_bytes(digest(key)) % len(living)] if living else None

    return place


PLACEMENTS: Mapping[str, Callable[[Sequence[Node]], Place]] = {"rendezvous": rendezvous, "modulo": modulo}


def chosen(nodes: Sequence[Node], placement: Callable[[], str]) -> Place:
    """Whichever way `placement()` names at the moment."""
    places = {name: make(nodes) for name, make in PLACEMENTS.items()}
    return lambda key: places[placement()](key)


def ranked(nodes: Sequence[N], key: str) -> list[N]:
    """The nodes in this key's order of preference: highest random weight (Thaler and Ravishankar, 1998). Without the
    first node its keys spread evenly over the others, and no other key moves.
    """
    return sorted(nodes, key=lambda node: digest(f"{node.address} {key}"), reverse=True)


def digest(text: str) -> bytes:
    """64 bits that look random; Python's own hash differs from process to process."""
    return blake2b(text.encode(), digest_size=8).digest()
