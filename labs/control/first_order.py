"""The proof that a shop is up: one order goes all the way, as a shopper's would."""

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from compose.runtime.verbs import RuntimeFailed

SKU = "tea-001"
PATIENCE_S = 45.0


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

    def shipped(self) -> str:
        """Wait until fulfilment has shipped it: paid, in the outbox, published, picked. Returns the order's id. Raises
        RuntimeFailed.
        """
        if self._missing:  # nobody told us; by now the shop is up
            self._place()
        order, deadline = self._order.result(), time.monotonic() + PATIENCE_S
        while _until(deadline, lambda: _json(f"{self._url()}/api/orders/{order}", {}))["status"] != "shipped":
            if time.monotonic() > deadline:
                raise RuntimeFailed(f"order {order} was placed but not shipped within {PATIENCE_S:.0f} s")
            time.sleep(0.02)
        return order

    def _place(self) -> None:
        """Buy one packet of tea."""
        body = json.dumps({"items": [{"sku": SKU, "quantity": 1}], "payment": {"token": "tok_ok"}}).encode()
        headers = {"Idempotency-Key": f"first-order-{uuid.uuid4().hex}", "Content-Type": "application/json"}
        deadline = time.monotonic() + PATIENCE_S
        try:
            placed = _until(deadline, lambda: _json(f"{self._url()}/api/orders", headers, body))
            self._order.set_result(placed["order_id"])
        except Exception as error:
            self._order.set_exception(error)


def _json(url: str, headers: dict[str, str], body: bytes | None = None) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5) as answer:
        return json.load(answer)


def _until(deadline: float, ask: Any) -> Any:
    """Ask again while the shop is not ready for it; the idempotency key makes that safe."""
    while True:
        try:
            return ask()
        except (urllib.error.HTTPError, OSError) as error:
            if time.monotonic() > deadline or (isinstance(error, urllib.error.HTTPError) and error.code < 500):
                reason = error.read().decode() if isinstance(error, urllib.error.HTTPError) else str(error)
                raise RuntimeFailed(f"the first order failed: {reason}") from error
            time.sleep(0.05)
