"""Buyers who look at their order: at once, and once more a while later. Each comes at a time of their own, whatever
became of the others.
"""

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit
from uuid import uuid4

SKU = "tea-{:03}"
SKUS = 20
PATIENCE_S = 5.0
TRIES, COME_AGAIN_S = 3, 2.0
"""Who hears that there is too much to do comes again."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at the page of an order that was confirmed `after_s` seconds before. `status` is HTTP's."""

    after_s: float
    status: int


def look_later_s(buyer: int, window_s: float) -> float:
    """After how long this buyer looks again: all of them together evenly over the window, neighbours far apart (steps
    of the golden ratio).
    """
    return window_s * (buyer * 0.618034 % 1)


def buy_and_look(url: str, buyers: int, per_s: float, window_s: float) -> tuple[list[Look], list[Look]]:
    """So many people buy, evenly spaced; what they saw at once, and some time within `window_s` after that. Raises
    OSError when one of them cannot buy.
    """
    began = time.monotonic()

    def visit(buyer: int) -> tuple[Look, Look]:
        _until(began + buyer / per_s)
        order = _buy(url, SKU.format(buyer % SKUS + 1))
        confirmed = time.monotonic()
        at_once = _look(url, order, confirmed)
        _until(confirmed + look_later_s(buyer, window_s))
        return at_once, _look(url, order, confirmed)

    with ThreadPoolExecutor(buyers) as pool:
        seen = list(pool.map(visit, range(buyers)))
    return [first for first, _ in seen], [second for _, second in seen]


def missed(looks: Sequence[Look]) -> int:
    """How many were told that there is no such order."""
    return sum(look.status == 404 for look in looks)


def _buy(url: str, sku: str) -> str:
    body = json.dumps({"items": [{"sku": sku, "quantity": 1}], "payment": {"token": "tok_ok"}})
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
    for _ in range(TRIES):
        status, answer = _ask(url, "POST", "/api/orders", body, headers)
        if status in (200, 201):
            return str(json.loads(answer)["order_id"])
        if status != 503:
            break
        time.sleep(COME_AGAIN_S)
    raise OSError(f"an order was answered with {status}: {answer[:200]!r}")


def _look(url: str, order: str, confirmed: float) -> Look:
    after_s = time.monotonic() - confirmed
    return Look(after_s=after_s, status=_ask(url, "GET", f"/orders/{order}")[0])


def _ask(
    url: str, method: str, path: str, body: str = "", headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, bytes]:
    shop = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    try:
        shop.request(method, path, body, headers)
        answer = shop.getresponse()
        return answer.status, answer.read()
    finally:
        shop.close()


def _until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
