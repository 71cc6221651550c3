"""The proof that a shop is up: one order goes all the way, as a shopper's would."""

import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

from compose.runtime.verbs import RuntimeFailed

SKU = "tea-001"
PATIENCE_S = 45.0


def place_first_order(url: str) -> str:
    """Buy one packet of tea and wait until fulfilment has shipped it: paid, in the outbox, published, picked. Returns
    the order's id.
    """
    deadline = time.monotonic() + PATIENCE_S
    body = {"items": [{"sku": SKU, "quantity": 1}], "payment": {"token": "tok_ok"}}
    headers = {"Idempotency-Key": f"first-order-{uuid.uuid4().hex}", "Content-Type": "application/json"}
    order = _until(deadline, lambda: _json(url + "/api/orders", headers, json.dumps(body).encode()))
    path = f"{url}/api/orders/{order['order_id']}"
    while _until(deadline, lambda: _json(path, {}))["status"] != "shipped":
        if time.monotonic() > deadline:
            raise RuntimeFailed(f"order {order['order_id']} was placed but not shipped within {PATIENCE_S:.0f} s")
        time.sleep(0.02)
    return str(order["order_id"])


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
