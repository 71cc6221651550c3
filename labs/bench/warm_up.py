"""A few requests of every kind, so that what is only made on the first one is there."""

import json
import uuid
from typing import Any
from urllib.request import urlopen

from labs.bench.closed_loop import drive, get, post
from labs.bench.measurement import Say
from labs.control.client import ShopClient

TIMES = 40
CONNECTIONS = 8
ORDERS = 20


def everywhere(shop: ShopClient, say: Say) -> None:
    """Pages, product JSON, pictures, carts, stock and orders, over several connections at once."""
    address = shop.url.removeprefix("http://")
    skus = [item["sku"] for item in products(shop)]
    paths = [
        "/", "/cart", f"/products/{skus[0]}", f"/api/catalog/products/{skus[1]}", f"/api/inventory/{skus[0]}",
        "/api/cart/items", "/api/recommendations/best-sellers", f"/api/catalog/pictures/{skus[2]}.svg",
    ]  # fmt: skip
    say(f"warm-up: {TIMES * len(paths)} requests, {ORDERS} orders")
    drive(address, CONNECTIONS, (get(address, path) for _ in range(TIMES) for path in paths)).rate(200)
    drive(address, CONNECTIONS, (order(address, skus[n % len(skus)]) for n in range(ORDERS))).rate(201)


def products(shop: ShopClient) -> list[dict[str, Any]]:
    """The first page of products: sku, name, price_cents ..."""
    with urlopen(shop.url + "/api/catalog/products", timeout=5) as answer:
        items: list[dict[str, Any]] = json.load(answer)["items"]
    return items


def order(address: str, sku: str, token: str = "tok_ok", **headers: str) -> bytes:
    """A request that buys one piece, under a key of its own."""
    body = json.dumps({"items": [{"sku": sku, "quantity": 1}], "payment": {"token": token}}).encode()
    return post(address, "/api/orders", body, Idempotency_Key=f"bench-{uuid.uuid4().hex}", **headers)
