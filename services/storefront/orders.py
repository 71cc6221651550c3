"""An order's page: what was promised, how far it is, and what the shop would have mailed.

It says "placed" only about an order that the orders service knows; works by reload, and by itself with htmx. Nobody is
kept waiting for ever: a page left open looks a few times more, and what takes too long is called late.
"""

import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from flask import Flask, Response, request

from services.storefront.looks import page
from services.storefront.shop import Shop
from services.storefront.things import Message, Order

DONE, LATE, UNKNOWN = "done", "-late", "unknown"
COUNT = re.compile(r"-\d+")
LATE_S = 60
LOOKS_S = (1, 2, 4, 6, 10, 15, 25, 40, LATE_S + 2)
"""When a page left open looks again, in seconds since there was news. The style sheet tells when it has stopped."""


def install(app: Flask, shop: Shop, now: Callable[[], float] = time.time) -> None:
    """Add the routes."""

    @app.route("/orders/<order_id>")
    def order(order_id: str) -> Response:
        messages = shop.soon(lambda: shop.messages(order_id))
        found = shop.order(order_id)
        return page("order.html", order=found, **progress_of(found, messages()))

    @app.route("/fragments/orders/<order_id>")
    def progress(order_id: str) -> Response:
        """What the order's page asks; 204 while nothing is new, so that nothing is read out twice."""
        messages = shop.soon(lambda: shop.messages(order_id))
        found = shop.order(order_id)
        words = progress_of(found, messages())
        if is_no_news(words["seen"], request.args.get("seen", "")):
            return Response(status=204)
        return page("fragments/progress.html", order=found, **words)

    def progress_of(order: Order, messages: Sequence[Message] | None) -> dict[str, Any]:
        """What the template needs beside the order. Once nothing more is to come, or all is late, nobody looks again
        by himself.
        """
        seen = state(order, messages, now())
        late = seen.endswith(LATE)
        return {"messages": messages, "seen": seen, "late": late, "looks_s": () if late or seen == DONE else LOOKS_S}


def state(order: Order, messages: Sequence[Message] | None, now: float) -> str:
    """What of an order's progress the visitor has seen, in a few letters."""
    shipped = any(message.kind == "order.shipped" for message in messages or ())
    if order.status == "cancelled" or (order.status == "shipped" and shipped):
        return DONE
    count = UNKNOWN if messages is None else len(messages)
    return f"{order.status}-{count}{LATE if is_late(order, now) else ''}"


def is_no_news(now: str, seen: str) -> bool:
    """Whether a look shows what was seen before. One that could not see the messages says nothing about them."""
    return now in (seen, COUNT.sub(f"-{UNKNOWN}", seen))


def is_late(order: Order, now: float) -> bool:
    """Should it have been packed a while ago? `now`: seconds since 1970."""
    due = order.promised_for or order.placed_at
    return order.status == "confirmed" and bool(due) and now > datetime.fromisoformat(due).timestamp() + LATE_S
