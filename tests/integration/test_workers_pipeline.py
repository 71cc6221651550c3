"""From the outbox to the parcel: relay, broker, fulfilment and notifications as real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.integration.order_shop import OrderShop, opened
from tests.integration.private_stores import PASSWORDS, PROJECT, Broker, ShopDatabase, eventually, free_port
from tests.integration.test_bus_broker import NAMED_S, waiting_in

pytestmark = pytest.mark.servers
NOBODY = "127.0.0.1:9"  # flags then come from Postgres


class Gateway:
    """Just enough of the internal listener: passes PUT /internal/orders/... on to orders. `slow_s` per answer."""

    def __init__(self, shop: OrderShop) -> None:
        self.slow_s = 0.0
        self.asked = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                outer.asked.set()
                time.sleep(outer.slow_s)
                answer = shop.app.test_client().put(self.path)
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.data)))
                self.end_headers()
                self.wfile.write(answer.data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"


class Worker:
    """`python -m services.<name>` with the environment that compose.yaml would give it."""

    def __init__(self, service: str, role: str, broker: Broker, database: ShopDatabase, peers: str) -> None:
        self.port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "LISTEN": f"127.0.0.1:{self.port}",
            "REPLICA": f"{service}-1",
            "PEERS": peers,
            "POSTGRES": database.address,
            "DB_PASSWORD": PASSWORDS[role],
            "MEMCACHED": NOBODY,
            "RABBITMQ": broker.settings.rabbitmq,
            "RABBITMQ_PASSWORD": broker.settings.rabbitmq_password,
            "SHOP_BUS_RETRY_S": "0.1,0.2,0.3",
        }
        command = [sys.executable, "-m", f"services.{service}"]
        self.process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON document; (0, None) while it does not listen."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, None

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


@contextmanager
def ended(worker: Worker) -> Iterator[Worker]:
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.end()


@pytest.fixture(scope="module")
def shop(shop_database: ShopDatabase) -> Iterator[OrderShop]:
    with opened(shop_database) as shop, shop_database.admin() as connection:
        connection.execute("truncate orders.outbox, fulfilment.shipments")
        yield shop


@pytest.fixture(scope="module")
def gateway(shop: OrderShop) -> Iterator[Gateway]:
    gateway = Gateway(shop)
    try:
        yield gateway
    finally:
        gateway.server.shutdown()
        gateway.server.server_close()


@pytest.fixture(scope="module")
def start(broker: Broker, shop_database: ShopDatabase, gateway: Gateway) -> Iterator[Callable[[str, str], Worker]]:
    """Starts a worker and waits until it is ready."""
    with ExitStack() as stack:

        def make(service: str, role: str) -> Worker:
            worker = stack.enter_context(ended(Worker(service, role, broker, shop_database, gateway.address)))
            eventually(worker.ready)
            return worker

        yield make


@pytest.fixture(scope="module")
def workers(start: Callable[[str, str], Worker]) -> dict[str, Worker]:
    roles = {"relay": "orders", "fulfilment": "fulfilment", "notifications": "notifications"}
    return {service: start(service, role) for service, role in roles.items()}


@pytest.fixture(scope="module")
def place(shop: OrderShop, shop_database: ShopDatabase) -> Callable[[], str]:
    """Places an order; its id."""
    with shop_database.admin() as connection:
        connection.execute(
            "insert into inventory.stock (sku, stock, available) values ('parcel', 10000, 10000) on conflict do nothing"
        )

    def order() -> str:
        answer = shop.order(uuid.uuid4().hex, "parcel")
        assert answer.status_code == 201
        return str(answer.json["order_id"])

    return order


def all_shipped(shop: OrderShop, order_ids: list[str]) -> bool:
    return all(shop.orders.find(order_id).head.status == "shipped" for order_id in order_ids)


def shipments(database: ShopDatabase, order_ids: list[str]) -> int:
    with database.admin() as connection:
        query = "select count(*) from fulfilment.shipments where order_id = any(%s)"
        row = connection.execute(query, (order_ids,)).fetchone()
    assert row is not None and isinstance(row[0], int)
    return row[0]


def test_a_placed_order_is_packed_shipped_and_told(
    workers: dict[str, Worker], place: Callable[[], str], shop: OrderShop, shop_database: ShopDatabase
) -> None:
    order_id = place()
    eventually(lambda: all_shipped(shop, [order_id]))
    told = workers["notifications"]
    eventually(lambda: len(told.get(f"/api/notifications?order={order_id}")[1]["items"]) == 2)
    kinds = [message["kind"] for message in told.get(f"/api/notifications?order={order_id}")[1]["items"]]
    assert kinds == ["order.shipped", "order.placed"]
    assert shipments(shop_database, [order_id]) == 1
    assert told.get("/api/notifications")[0] == 422


def test_a_broker_that_is_killed_stops_no_sale_and_loses_no_order(
    workers: dict[str, Worker], place: Callable[[], str], shop: OrderShop, broker: Broker, shop_database: ShopDatabase
) -> None:
    order_ids = [place() for _ in range(10)]
    time.sleep(NAMED_S)
    order_ids += [place() for _ in range(10)]
    broker.store.kill()
    eventually(lambda: not workers["relay"].ready() and not workers["fulfilment"].ready())
    order_ids += [place() for _ in range(10)]
    broker.store.start()
    eventually(lambda: all_shipped(shop, order_ids), 120)
    assert shipments(shop_database, order_ids) == 30
    eventually(lambda: all(worker.ready() for worker in workers.values()))


def test_events_delivered_twice_make_one_parcel_and_one_message(
    workers: dict[str, Worker], place: Callable[[], str], shop: OrderShop, shop_database: ShopDatabase
) -> None:
    order_id = place()
    eventually(lambda: all_shipped(shop, [order_id]))
    with shop_database.admin() as connection:
        connection.execute("update orders.outbox set sent_at = null where payload->>'order_id' = %s", (order_id,))
        unsent = "select count(*) from orders.outbox where sent_at is null"
        eventually(lambda: connection.execute(unsent).fetchone() == (0,))
    other = place()
    eventually(lambda: all_shipped(shop, [other]))
    path = f"/api/notifications?order={order_id}"
    assert shipments(shop_database, [order_id]) == 1
    assert len(workers["notifications"].get(path)[1]["items"]) == 2


def test_an_event_that_no_queue_wants_holds_no_other_up(
    workers: dict[str, Worker], place: Callable[[], str], shop: OrderShop, shop_database: ShopDatabase
) -> None:
    with shop_database.admin() as connection:
        lost = "insert into orders.outbox (event_id, event, payload) values ('lost', 'order.lost', '{}')"
        connection.execute(lost)
        order_id = place()
        eventually(lambda: all_shipped(shop, [order_id]))
        unsent = "select event_id from orders.outbox where sent_at is null"
        eventually(lambda: connection.execute(unsent).fetchall() == [("lost",)])
        connection.execute("delete from orders.outbox where event_id = 'lost'")


def test_a_worker_that_is_told_to_stop_finishes_the_message_in_hand(
    workers: dict[str, Worker],
    start: Callable[[str, str], Worker],
    place: Callable[[], str],
    shop: OrderShop,
    gateway: Gateway,
    broker: Broker,
) -> None:
    gateway.slow_s = 0.5
    gateway.asked.clear()
    order_id = place()
    assert gateway.asked.wait(30)
    ended_with = workers["fulfilment"].end()
    gateway.slow_s = 0.0
    seen = (ended_with, all_shipped(shop, [order_id]), waiting_in(broker, "fulfilment"))
    workers["fulfilment"] = start("fulfilment", "fulfilment")
    assert seen == (0, True, 0)


def test_a_worker_that_is_killed_between_work_and_word_does_no_harm(
    workers: dict[str, Worker],
    start: Callable[[str, str], Worker],
    place: Callable[[], str],
    shop: OrderShop,
    gateway: Gateway,
    shop_database: ShopDatabase,
) -> None:
    gateway.slow_s = 0.5
    gateway.asked.clear()
    order_ids = [place() for _ in range(5)]
    assert gateway.asked.wait(30)
    workers["fulfilment"].end(signal.SIGKILL)
    gateway.slow_s = 0.0
    workers["fulfilment"] = start("fulfilment", "fulfilment")
    eventually(lambda: all_shipped(shop, order_ids))
    assert shipments(shop_database, order_ids) == 5
