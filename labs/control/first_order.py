"""The proof that a shop is up: one order goes all the way, as a shopper's would."""

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from compose.runtime.verbs import RuntimeFailed

SKU = "tea-001"
PATIENCE_S = 45.0
NOT_THIS = (307, 403, 409)
"""It has a lane, is sold to a line, or is sold out: an earlier day's doing. Something else does as well."""


class FirstOrder:
    """Placed as soon as everything in `needed` is ready: an order is confirmed without the broker, which starts last.
    `note` may be called from any thread.
    """

    def __init__(self, url: Callable[[], str], needed: Iterable[str]) -> None:
        self._url, self._missing = url, set(needed)
        self._noting = threading.Lock()
        self._order: Future[str] = Future()

    def note(self, component: str, what: str) -> None:
        """How the shop proceeds, as `Runtime.up` tells it."""
        with self._noting:
            if what == "ready" and component in self._missing:
                self._missing.remove(component)
                if not self._missing:
                    threading.Thread(target=self._place, daemon=True, name="first-order").start()

    def placed(self) -> str:
        """Wait until it is confirmed: reserved, paid, in the outbox. Returns the order's id. Raises RuntimeFailed."""
        if self._missing:  # nobody told us; by now the shop is up
            self._place()
        return self._order.result()

    def shipped(self, order: str, within_s: float = PATIENCE_S) -> bool:
        """Wait until fulfilment has shipped it: published, picked. False when that takes longer."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            with suppress(OSError):
                if _json(f"{self._url()}/api/orders/{order}")["status"] == "shipped":
                    return True
            time.sleep(0.02)
        return False

    def _place(self) -> None:
        try:
            self._order.set_result(self._buy())
        except Exception as error:
            self._order.set_exception(error)

    def _buy(self) -> str:
        """One packet of tea, or else one piece of the first thing on the shelf that can be had."""
        deadline = time.monotonic() + PATIENCE_S
        for sku in self._shelf(deadline):
            with suppress(_NotThis):
                return self._one(sku, deadline)
        raise RuntimeFailed("the first order failed: nothing on the first shelf can be had")

    def _shelf(self, deadline: float) -> Iterator[str]:
        yield SKU
        for product in _until(deadline, lambda: _json(f"{self._url()}/api/catalog/products"))["items"]:
            yield product["sku"]

    def _one(self, sku: str, deadline: float) -> str:
        body = json.dumps({"items": [{"sku": sku, "quantity": 1}], "payment": {"token": "tok_ok"}}).encode()
        headers = {"Idempotency-Key": f"first-order-{uuid.uuid4().hex}", "Content-Type": "application/json"}
        return str(_until(deadline, lambda: _json(f"{self._url()}/api/orders", headers, body))["order_id"])


class _NotThis(RuntimeFailed):
    """Something else may be had."""


def _json(url: str, headers: Mapping[str, str] = MappingProxyType({}), body: bytes | None = None) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, body, dict(headers)), timeout=5) as answer:
        return json.load(answer)


def _until(deadline: float, ask: Callable[[], Any]) -> Any:
    """Ask again while the shop is not ready for it; the idempotency key makes that safe."""
    while True:
        try:
            return ask()
        except OSError as error:
            answered = error if isinstance(error, urllib.error.HTTPError) else None
            if time.monotonic() > deadline or (answered and answered.code < 500):
                failed = _NotThis if answered and answered.code in NOT_THIS else RuntimeFailed
                reason = answered.read().decode() if answered else str(error)
                raise failed(f"the first order failed: {reason}") from error
            time.sleep(0.05)
