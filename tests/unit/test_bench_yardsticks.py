"""Yardsticks are fair: the bare route is served as the services are, and the SQL is what the services say."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from gunicorn.workers.gthread import ThreadWorker

from compose.topology import load
from labs.bench import bare, bare_route, order_sql
from services.common.errors import NotFound
from services.common.server import Server, Worker
from services.common.settings import WebSettings, read
from services.inventory.flags import FLAGS
from services.inventory.shelf import Line
from services.inventory.stock import Reservation, Stock
from services.inventory.strategies import STRATEGIES
from services.orders.attempts import Attempt, Attempts, PricedLine
from services.orders.orders import Head, Orders
from services.payments.charges import Charge, Charges

TEA = PricedLine("tea-001", "Tea", 1, 890)


def test_the_bare_route_has_the_services_server_settings() -> None:
    settings = read(WebSettings, {"LISTEN": "127.0.0.1:8000"})
    server = Server(lambda: Flask("any"), settings)
    shared = ("threads", "backlog", "graceful_timeout", "keepalive", "worker_tmp_dir", "loglevel")
    of_services = {name: server.cfg.settings[name].get() for name in shared}
    assert of_services == {name: bare_route.OPTIONS[name] for name in shared}
    assert (bare_route.OPTIONS["workers"], bare_route.OPTIONS["worker_class"]) == (1, "gthread")
    assert issubclass(Worker, ThreadWorker)


def test_the_bare_route_answers_the_given_bytes_and_no_more() -> None:
    answer = bare_route.create_app(b'{"sku":"tea-001"}').test_client().get("/api/bare/products/tea-001")
    assert (answer.data, answer.mimetype) == (b'{"sku":"tea-001"}', "application/json")


def test_the_bare_route_has_as_many_replicas_as_the_catalogue_behind_the_same_gateway() -> None:
    shop, parts = load(), bare.parts(b"{}")
    assert parts["bare"].replicas == shop["catalog"].replicas
    assert parts["gateway"].command == shop["gateway"].command
    assert parts.balanced() == ["bare"]


class Book:
    """Stands in for a database, a connection and a cursor: writes down what it is told, answers what it was given."""

    rowcount = 1

    def __init__(self, *rows: Any) -> None:
        self.said: list[str] = []
        self._rows = list(rows)

    @contextmanager
    def transaction(self) -> Iterator["Book"]:
        self.said.append("begin")
        yield self

    @contextmanager
    def cursor(self, row_factory: Any = None) -> Iterator["Book"]:
        yield self

    def execute(self, query: str | bytes, _values: Any = None) -> "Book":
        text = query.decode() if isinstance(query, bytes) else query
        self.said.append(" ".join(text.split()))
        return self

    def fetchone(self) -> Any:
        return self._rows.pop(0)


def test_the_sql_of_orders_is_what_the_orders_service_says() -> None:
    attempt = Attempt("k", "f", 1, "pending", "", {"lines": [vars(TEA)]})
    theirs = Book(None, attempt, Head("o", "confirmed", 890, datetime.now(UTC)))
    attempts = Attempts(theirs)  # type: ignore[arg-type]
    attempts.find("k")
    attempts.open("k", "f", [TEA])
    Orders(theirs).place(attempt, "o", None)  # type: ignore[arg-type]
    assert ordered_by_sql()[0] == theirs.said


def test_the_sql_of_inventory_is_what_the_inventory_service_says() -> None:
    held = Reservation("k", "held", datetime.now(UTC))
    theirs = Book(held, (7,), held, held)
    preset = next(str(flag.default) for flag in FLAGS if flag.name == "inventory.stock")
    stock = Stock(theirs, 60.0, lambda: STRATEGIES[preset])  # type: ignore[arg-type]
    stock.reserve("k", [Line("tea-001", 1)])
    stock.commit("k")
    assert ordered_by_sql()[1] == theirs.said


def test_the_sql_of_payments_is_what_the_payments_service_says() -> None:
    theirs = Book(None, Charge("k", "charged", 890))
    charges = Charges(theirs)  # type: ignore[arg-type]
    try:
        charges.find("k")
    except NotFound:
        charges.record("k", "charged", 890)
    assert ordered_by_sql()[2] == theirs.said


def ordered_by_sql() -> list[list[str]]:
    """What the yardstick says to orders, inventory and payments for one order."""
    orders, inventory, payments = Book(("o", "confirmed", 890, datetime.now(UTC))), Book((7,)), Book()
    order_sql.Till(orders, inventory, payments).check_out(order_sql.Line("tea-001", "Tea", 890))  # type: ignore[arg-type]
    return [orders.said, inventory.said, payments.said]
