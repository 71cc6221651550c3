"""Product JSON at the gateway, from the cache, beside a bare Flask route with the same bytes behind the same nginx."""

import urllib.request

from labs.bench import bare
from labs.bench.closed_loop import drive, for_seconds, get
from labs.bench.measurement import Budget, Measurement, Sample, Say, in_turn
from labs.control.client import ShopClient

SKU = "tea-001"
ROUNDS = 7
SECONDS = 2.0
CONNECTIONS = 8
BUDGET = Budget(limit=0.6, kind="at least", of="ratio")


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS, seconds: float = SECONDS) -> list[Measurement]:
    """Both run all the time, idle while the other one is asked."""
    ours, path = shop.url.removeprefix("http://"), f"/api/catalog/products/{SKU}"
    with urllib.request.urlopen(shop.url + path, timeout=5) as answer:
        body = answer.read()
    with bare.route(SKU, body) as (beside, bare_path):
        for address, asked in ((ours, path), (beside, bare_path)):
            rate(address, asked, 1.0)  # every thread and every connection between has been used once
        taken = in_turn(
            rounds, lambda: rate(ours, path, seconds), lambda: rate(beside, bare_path, seconds), say, "requests/s"
        )
    return [
        Measurement(
            name="product",
            what="product JSON at the gateway, cache hit",
            unit="requests/s",
            beside="a bare Flask route with the same bytes, nginx and gunicorn settings",
            budget=BUDGET,
            rounds=taken,
        )
    ]


def rate(address: str, path: str, seconds: float) -> Sample:
    """Requests per second over a few connections."""
    return Sample(drive(address, CONNECTIONS, for_seconds(get(address, path), seconds)).rate(200))
