"""Composition root of the cart: settings → nodes → app → server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Flask

from services.cart.app import create_app
from services.cart.carts import COPIES, Carts, Keeper
from services.cart.flags import FLAGS
from services.cart.memory import Memory
from services.common import shedding
from services.common.flags import follow
from services.common.memcached import MemcachedSettings, Node, NodeFailed, make_nodes
from services.common.replica import Service
from services.common.settings import WebSettings, env
from services.common.telemetry import identity
from services.common.worker import Background


@dataclass(frozen=True, kw_only=True)
class CartSettings(WebSettings, MemcachedSettings):
    """The cart's knobs."""

    cart_keep_s: int = env("how long a cart is kept after the last change", default=7 * 24 * 3600, unit="s")


def some_node_answers(nodes: Sequence[Node]) -> None:
    """The cart's readiness: one node is enough. Raises NodeFailed, naming all."""
    failures = []
    for node in nodes:
        try:
            return node.ping()
        except NodeFailed as error:
            failures.append(str(error))
    raise NodeFailed("; ".join(failures))


def build(settings: CartSettings, background: Background) -> Flask:
    """Make the parts and put them together."""
    nodes = make_nodes(settings)
    flags = follow(background, FLAGS, make_nodes(settings))
    keepers: Mapping[str, Sequence[Keeper]] = {"shared": nodes, "local": [Memory()]}
    carts = {
        where: Carts(
            kept, lambda: identity.replica, settings.cart_keep_s,
            copies=lambda: COPIES[flags["cart.copies"]], removals_s=lambda: flags["cart.removals_s"],
        )
        for where, kept in keepers.items()
    }  # fmt: skip
    ready = {"memcached": lambda: some_node_answers(nodes)}
    app = create_app(lambda: carts[flags["cart.sessions"]], ready, settings.cart_keep_s)
    shedding.obey(app, flags, "cart")
    return app


service = Service("cart", CartSettings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
