"""An order's page: what was promised, how far it is, and what the shop would have mailed.

It says "placed" only about an order that the orders service knows; works by reload, and by itself with htmx.
"""

from collections.abc import Sequence

from flask import Flask, Response, request

from services.storefront.looks import page
from services.storefront.shop import Shop
from services.storefront.things import Message, Order


def install(app: Flask, shop: Shop) -> None:
    """Add the routes."""

    @app.route("/orders/<order_id>")
    def order(order_id: str) -> Response:
        messages = shop.soon(lambda: shop.messages(order_id))
        found = shop.order(order_id)
        told = messages()
        return page("order.html", order=found, messages=told, seen=state(found, told))

    @app.route("/fragments/orders/<order_id>")
    def progress(order_id: str) -> Response:
        """What the order's page asks every two seconds; 204 while nothing is new, so that nothing is read out twice."""
        messages = shop.soon(lambda: shop.messages(order_id))
        found = shop.order(order_id)
        told = messages()
        seen = state(found, told)
        if request.args.get("seen") == seen:
            return Response(status=204)
        return page("fragments/progress.html", order=found, messages=told, seen=seen)


def state(order: Order, messages: Sequence[Message] | None) -> str:
    """What of an order's progress the visitor has seen, in a few letters; `done` when nothing more is to come."""
    if messages is None:
        return f"{order.status}-unknown"
    done = order.status == "cancelled" or any(message.kind == "order.shipped" for message in messages)
    return "done" if done and order.status != "confirmed" else f"{order.status}-{len(messages)}"
