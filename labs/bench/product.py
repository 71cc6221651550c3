"""Product JSON at the gateway, from the cache, beside a bare Flask route with the same bytes behind the same nginx."""

import urllib.request
from collections.abc import Sequence

from labs.bench import bare, processor
from labs.bench.closed_loop import drive, for_seconds, get
from labs.bench.measurement import Budget, Measurement, Sample, Say, in_turn
from labs.control.client import ShopClient

SKU = "tea-001"
ROUNDS = 10
SECONDS = 1.5
CONNECTIONS = 8
BUDGET = Budget(limit=0.6, kind="at least", of="ratio")
SERVERS = ("gateway", "catalog", "wire", "memcached-1", "memcached-2", "memcached-3")


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS, seconds: float = SECONDS) -> list[Measurement]:
    """Both run all the time, idle while the other one is asked."""
    ours, path = shop.url.removeprefix("http://"), f"/api/catalog/products/{SKU}"
    servers = processor.serving(shop, SERVERS)
    with urllib.request.urlopen(shop.url + path, timeout=5) as answer:
        body = answer.read()
    with bare.route(SKU, body) as (beside, bare_path, bare_servers):
        for address, asked in ((ours, path), (beside, bare_path)):
            rate(address, asked, 1.0, ())  # every thread and every connection between has been used once
        taken = in_turn(
            rounds,
            lambda: rate(ours, path, seconds, servers),
            lambda: rate(beside, bare_path, seconds, bare_servers),
            say,
            "requests/s",
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


def rate(address: str, path: str, seconds: float, servers: Sequence[int]) -> Sample:
    """Requests per second over a few connections. `cpu_us`: what one took of the processors in all its servers, which
    neighbours on this machine change less than the rate.
    """
    before = processor.seconds(servers)
    tally = drive(address, CONNECTIONS, for_seconds(get(address, path), seconds))
    spent = processor.seconds(servers) - before
    return Sample(tally.rate(200), {"cpu_us": round(spent / tally.statuses[200] * 1e6)})
