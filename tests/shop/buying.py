"""Shoppers for the tests: one order, a crowd, a stream of checkouts. Plain HTTP at the gateway, as anybody outside
would.
"""

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from labs.control.client import ControlFailed, ShopClient

# What leaves a buyer in doubt; 0: no answer at all.
IN_DOUBT = (0, 502, 503, 504)


@dataclass(frozen=True)
class Answer:
    """A status (0: no answer at all) and the document that came with it."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def sold(self) -> bool:
        """The order is confirmed: by this request or, after one whose answer was lost, by an earlier one."""
        return self.status in (200, 201)


def ask(url: str, method: str, path: str, body: Any = None, timeout_s: float = 10, **headers: str) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout_s)
    try:
        connection.request(
            method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", **headers}
        )
        reply = connection.getresponse()
        content = reply.read()
    except (OSError, http.client.HTTPException):
        return Answer(0, {})
    finally:
        connection.close()
    document = json.loads(content) if "json" in (reply.headers.get_content_type() or "") else {}
    return Answer(reply.status, document, {k.lower(): v for k, v in reply.headers.items()})


def buy_once(
    url: str, sku: str = "tea-001", quantity: int = 1, key: str = "", token: str = "tok_ok", timeout_s: float = 10
) -> Answer:
    """Place an order, in the lane of a sale's item if it leads there; take the first answer, whatever it is."""
    body = {"items": [{"sku": sku, "quantity": quantity}], "payment": {"token": token}}
    again = {"Idempotency-Key": key or uuid.uuid4().hex}
    answer = ask(url, "POST", "/api/orders", body, timeout_s, **again)
    if answer.status != 307:
        return answer
    return ask(url, "POST", answer.headers["location"], body, timeout_s, **again)


def buy(url: str, sku: str = "tea-001", quantity: int = 1, key: str = "", token: str = "tok_ok") -> Answer:
    """Place an order as a patient client does: with the same key until the answer says what became of it."""
    key = key or uuid.uuid4().hex
    return insist(lambda: buy_once(url, sku, quantity, key, token))


def insist(request: Callable[[], Answer], within_s: float = 90) -> Answer:
    """Repeat a request while its answer leaves in doubt what became of it: a busy moment changes no result."""
    deadline, pause_s = time.monotonic() + within_s, 0.2
    while (answer := request()).status in IN_DOUBT and time.monotonic() < deadline:
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 2.0)
    return answer


def get(url: str, path: str, **headers: str) -> Answer:
    """Look at something as a patient client does."""
    return insist(lambda: ask(url, "GET", path, **headers))


def stock(url: str, sku: str) -> dict[str, Any]:
    """The stock of an item, in figures."""
    return get(url, f"/api/inventory/{sku}").body


def synchronous(shop: ShopClient) -> None:
    """Have orders wait for the replica, from now on."""
    shop.set_flag("postgres.synchronous", "on")
    eventually(lambda: (shop.report()["replication"] or {}).get("synchronous"))


def eventually(condition: Callable[[], object], within_s: float = 30, every_s: float = 0.05) -> None:
    """Wait until it is true; fail the test when it never is. An instrument that does not answer is asked again."""
    deadline, why = time.monotonic() + within_s, ""
    while True:
        try:
            if condition():
                return
        except ControlFailed as error:
            why = f" ({error})"
        if time.monotonic() > deadline:
            pytest.fail(f"not true within {within_s:.0f} s: {condition.__doc__ or condition}{why}")
        time.sleep(every_s)


def crowd(buyers: int, purchase: Callable[[], Answer]) -> Counter[int]:
    """Many at once; how many got which status."""
    with ThreadPoolExecutor(max_workers=50) as pool:
        return Counter(answer.status for answer in pool.map(lambda _: purchase(), range(buyers)))


@dataclass
class Stream:
    """Checkouts that were made while something happened, with the seconds each took."""

    answers: list[tuple[Answer, float]] = field(default_factory=list)

    @property
    def failed(self) -> list[tuple[Answer, float]]:
        """What did not end as a confirmed order."""
        return [(answer, seconds) for answer, seconds in self.answers if not answer.sold]

    @property
    def confirmed(self) -> list[str]:
        """The orders that shoppers saw confirmed."""
        return [answer.body["order_id"] for answer, _ in self.answers if answer.sold]


@contextmanager
def checkouts(url: str, shoppers: int = 4, pause_s: float = 0.05) -> Iterator[Stream]:
    """A few shoppers who buy again and again until the block ends, each order with a key of its own."""
    stream, over = Stream(), threading.Event()

    def shop(number: int) -> None:
        turn = 0
        while not over.wait(pause_s):
            began = time.monotonic()
            sku = f"tea-{(number * 7 + turn) % 10 + 1:03d}"
            answer = buy_once(url, sku)
            stream.answers.append((answer, time.monotonic() - began))
            turn += 1

    threads = [threading.Thread(target=shop, args=(number,)) for number in range(shoppers)]
    for thread in threads:
        thread.start()
    try:
        yield stream
    finally:
        over.set()
        for thread in threads:
            thread.join()
