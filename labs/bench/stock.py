"""Reservations per second of one hot item, strategy by strategy, beside the row lock: what buyers cost each other.

Asked of one replica of inventory, past the gateway and the rest of an order, which would hide it. Once with nothing to
decide: only the database's own work is done under a lock. Once with 50 ms to decide about each buyer, as a quick fraud
check takes.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from labs.bench.closed_loop import drive, for_seconds, post
from labs.bench.measurement import Budget, Measurement, Sample, Say, in_turn
from labs.control.client import ShopClient

ITEM = "pot-020"
PLENTY = 100_000
ROUNDS = 4
SECONDS = 1.5
AT_ONCE = 8
"""As many as a replica has threads."""
DECIDE_MS = (0, 50)
OTHERS = ("naive", "conditional", "buckets")
FIVE_TIMES = Budget(limit=5, kind="at least", of="ratio")
RESERVATIONS = "/internal/inventory/reservations"


def measure(shop: ShopClient, say: Say, rounds: int = ROUNDS, seconds: float = SECONDS) -> list[Measurement]:
    """Each strategy in turn with the row lock. The best one is held to five times as many where buyers take time."""
    with plenty(shop):
        return [_beside_row_lock(shop, say, name, ms, rounds, seconds) for ms in DECIDE_MS for name in OTHERS]


@contextmanager
def plenty(shop: ShopClient) -> Iterator[None]:
    """More pieces than anybody can reserve; afterwards as many as before, and the flags as they are by default."""
    (left,) = shop.rows(f"select sum(available)::int as pieces from inventory.stock where sku = '{ITEM}'")
    shop.restock(ITEM, PLENTY)
    try:
        yield
    finally:
        for flag in ("inventory.stock", "inventory.decide_ms"):
            shop.set_flag(flag, "default")
        shop.restock(ITEM, left["pieces"])


def _beside_row_lock(
    shop: ShopClient, say: Say, strategy: str, decide_ms: int, rounds: int, seconds: float
) -> Measurement:
    shop.set_flag("inventory.decide_ms", decide_ms)
    return Measurement(
        name=f"stock_{strategy}_{decide_ms}ms",
        what=f"one hot item, {strategy}, {decide_ms} ms to decide",
        unit="reservations/s",
        beside="row lock, the same buyers",
        budget=FIVE_TIMES if strategy == "buckets" and decide_ms else None,
        rounds=in_turn(
            rounds,
            lambda: reserve(shop, strategy, seconds),
            lambda: reserve(shop, "row_lock", seconds),
            lambda line: say(f"{strategy}, {decide_ms} ms: {line}"),
            "reservations/s",
        ),
    )


def reserve(shop: ShopClient, strategy: str, seconds: float) -> Sample:
    """One piece each, eight buyers at a time; then everything is given back."""
    shop.set_flag("inventory.stock", strategy)
    address = next(part["address"] for part in shop.status() if part["name"] == "inventory-1")
    keys: list[str] = []
    rate = drive(address, AT_ONCE, (_request(address, keys) for _ in for_seconds(b"", seconds))).rate(201)
    drive(address, AT_ONCE, (post(address, f"{RESERVATIONS}/{key}/release", b"") for key in keys)).rate(200)
    return Sample(rate)


def _request(address: str, keys: list[str]) -> bytes:
    keys.append(f"bench-{uuid.uuid4().hex}")
    return post(address, RESERVATIONS, json.dumps({"key": keys[-1], "items": [{"sku": ITEM, "quantity": 1}]}).encode())
