"""The other services in memory: what the storefront's tests hand to `Shop` in place of `Peers`."""

import itertools
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient

from services.common.errors import Conflict, Declined, Forbidden, Invalid, NotFound, ShopError
from services.storefront.app import create_app
from services.storefront.shop import Shop

CATEGORIES = ("tea", "books", "cups", "honey", "candles")


def a_product(number: int) -> dict[str, Any]:
    category = CATEGORIES[number % len(CATEGORIES)]
    sku = f"{category}-{number:03d}"
    name = f"The {number}th Remarkably Patient {category.capitalize()}"
    return {"sku": sku, "name": name, "price_cents": 450 + number, "category": category, "image": f"/p/{sku}.svg"}


class FakePeers:
    """`failing` maps the start of a path to the error its calls raise; `asked` keeps every call, `cookies` the last
    cookie of each path."""

    def __init__(self, products: int = 60) -> None:
        self.products = {p["sku"]: p for p in map(a_product, range(products))}
        self.stock = dict.fromkeys(self.products, 40)
        self.carts: dict[str, dict[str, int]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.by_key: dict[str, tuple[Any, str]] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.failing: dict[str, ShopError] = {}
        self.on_sale, self.admission = "", ""
        self.asked: list[tuple[str, str, Any, str]] = []
        self.cookies: dict[str, str] = {}
        self.numbers = itertools.count(1)

    def get(self, path: str, *, total_s: float | None = None, cookie: str = "") -> Any:
        return self.call("GET", path, total_s=total_s, cookie=cookie)

    def call(
        self, method, path, body=None, *, safe=False, total_s=None, cookie="", key="", more=None, compartment=""
    ) -> Any:
        self.asked.append((method, path, body, key))
        self.admission = (more or {}).get("X-Admission", "")
        self.cookies[path] = cookie
        for start, error in self.failing.items():
            if path.startswith(start):
                raise type(error)(error.detail, **error.extra)
        url = urlsplit(path)
        _, _, service, *rest = url.path.split("/")
        return getattr(self, f"answer_{service}")(
            method, rest, parse_qs(url.query), body, cookie.removeprefix("cart="), key
        )

    def answer_catalog(self, _method, rest, query, *_) -> Any:
        if len(rest) == 2:
            if rest[1] not in self.products:
                raise NotFound("no such product")
            return {**self.products[rest[1]], "description": "Warm in the hand and kind to the evening."}
        text, category = query.get("q", [""])[0].lower(), query.get("category", [""])[0]
        fits = [p for p in self.products.values() if text in p["name"].lower() and category in ("", p["category"])]
        page = int(query["page"][0])
        shown = fits[24 * (page - 1) : 24 * page]
        return {"items": shown, "page": page, "pages": max(1, -(-len(fits) // 24)), "total": len(fits)}

    def answer_inventory(self, _method, rest, *_) -> Any:
        return {"sku": rest[0], "stock": 40, "reserved": 0, "sold": 0, "left": self.stock[rest[0]]}

    def answer_cart(self, method, rest, _query, body, cart, _key) -> Any:
        lines = self.carts.setdefault(cart, {})
        if method == "PUT":
            lines[rest[1]] = body["quantity"]
        if method == "DELETE":
            lines.pop(rest[1], None) if len(rest) == 2 else lines.clear()
        return {"items": [{"sku": sku, "quantity": n} for sku, n in lines.items()]}

    def answer_recommendations(self, *_) -> Any:
        return {"items": list(self.products.values())[:4]}

    def answer_notifications(self, _method, _rest, query, *_) -> Any:
        return {"items": self.messages.get(query["order"][0], [])}

    def answer_orders(self, method, rest, _query, body, _cart, key) -> Any:
        if method == "GET":
            if rest[0] not in self.orders:
                raise NotFound("no such order")
            return self.orders[rest[0]]
        return self.place(body, key)

    def place(self, body: Any, key: str) -> Any:
        if key in self.by_key:
            earlier, order_id = self.by_key[key]
            if earlier != body:
                raise Invalid("this key was used for another order")
            return self.orders[order_id]
        for item in body["items"]:
            if item["sku"] == self.on_sale and self.admission != "an admission":
                raise Forbidden("not your turn", waiting_room=f"/sale/{item['sku']}")
            if self.stock.get(item["sku"], 0) < item["quantity"]:
                raise Conflict("out of stock", sku=item["sku"])
        if body["payment"]["token"] == "tok_declined":
            raise Declined("the bank said no")
        return self._confirm(body, key)

    def _confirm(self, body: Any, key: str) -> Any:
        order_id = f"{next(self.numbers):032x}"
        total = sum(self.products[i["sku"]]["price_cents"] * i["quantity"] for i in body["items"])
        order = {"order_id": order_id, "status": "confirmed", "total_cents": total}
        order["items"] = [
            {**i, "name": self.products[i["sku"]]["name"], "price_cents": self.products[i["sku"]]["price_cents"]}
            for i in body["items"]
        ]
        self.orders[order_id], self.by_key[key] = order, (body, order_id)
        self.tell(order_id, "order.placed", "We have your order")
        return order

    def tell(self, order_id: str, kind: str, subject: str) -> None:
        told = self.messages.setdefault(order_id, [])
        row = {"id": len(told) + 1, "order_id": order_id, "kind": kind, "subject": subject, "body": "Thank you!"}
        told.insert(0, {**row, "created_at": "2026-11-27T10:00:00Z"})

    def ship(self, order_id: str) -> None:
        self.orders[order_id]["status"] = "shipped"
        self.tell(order_id, "order.shipped", "Your parcel is on its way")


def a_shop() -> tuple[FakePeers, FlaskClient]:
    """The other services, and a browser in front of a storefront that asks them."""
    peers = FakePeers()
    return peers, create_app(Shop(peers)).test_client()


def fill(browser: FlaskClient, sku: str = "tea-000", pieces: int = 1) -> None:
    browser.post("/cart/items", data={"sku": sku, "quantity": pieces})


def fields(html: str) -> dict[str, list[str]]:
    """The hidden fields of a page's last form of class `pay`."""
    form = html[html.index('<form class="pay"') :]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(value)
    return found
