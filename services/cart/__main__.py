"""Composition root of the cart: settings → nodes → app → server."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from flask_openapi import OpenAPI

from services.cart.app import create_app
from services.cart.carts import Carts
from services.common.memcached import MemcachedSettings, Node, NodeFailed, make_nodes
from services.common.settings import WebSettings, env, own_name, read
from services.common.telemetry import configure_logs
from services.common.web import serve


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


def build(settings: CartSettings, name: str) -> OpenAPI:
    """Make the parts and put them together."""
    nodes = make_nodes(settings)
    carts = Carts(nodes, name, settings.cart_keep_s)
    return create_app(carts, {"memcached": lambda: some_node_answers(nodes)}, settings.cart_keep_s, name)


def main() -> None:
    """Serve the cart until TERM."""
    name = own_name(os.environ, "cart")
    configure_logs("cart", name)
    settings = read(CartSettings, os.environ)
    serve(lambda: build(settings, name), settings)


if __name__ == "__main__":
    main()
