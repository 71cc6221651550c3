"""Orders, inventory and payments on real tables in one process; they meet as over HTTP, without sockets."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

from flask import Flask

from services.common.http import REFUSALS
from services.common.papers import Papers
from services.inventory.app import create_app as inventory_app
from services.inventory.stock import Stock
from services.inventory.strategies import STRATEGIES
from services.orders.app import create_app as orders_app
from services.orders.attempts import Attempts
from services.orders.checkout import Checkout
from services.orders.door import Door
from services.orders.handover import Handover
from services.orders.ids import ids
from services.orders.intake import Intake
from services.orders.orders import Orders
from services.orders.peers import Catalog, Fulfilment, Inventory, Payments
from services.orders.reconciler import Reconciler
from services.orders.rounds import Bounds, Rounds
from services.payments.app import create_app as payments_app
from services.payments.charges import Charges
from services.payments.provider import Provider, ProviderTable
from tests.integration.private_stores import ShopDatabase


class Near:
    """Stands in for `Peers`: the same words, apps in this process at the other end."""

    def __init__(self, apps: dict[str, Flask], price_cents: int = 500) -> None:
        self._apps, self._price_cents = apps, price_cents

    def get(self, path: str, *, total_s: float | None = None) -> Any:
        return self.call("GET", path)

    def call(
        self, method: str, path: str, body: Any = None, *, safe: bool = False, total_s: float | None = None
    ) -> Any:
        service = path.split("/")[2]
        if service == "catalog":
            return {"sku": path.rsplit("/", 1)[1], "name": "Thing", "price_cents": self._price_cents}
        answer = self._apps[service].test_client().open(path, method=method, json=body)
        if answer.status_code < 300:
            return answer.json
        problem = answer.get_json(force=True)
        raise REFUSALS[answer.status_code](problem["detail"], state=problem.get("state"), sku=problem.get("sku"))


class OrderShop:
    """Everything that an order needs."""

    def __init__(self, shop_database: ShopDatabase, stack: ExitStack) -> None:
        pools = {
            service: stack.enter_context(shop_database.pools(service))
            for service in ("inventory", "payments", "orders")
        }
        self.policy, self.limit_s, self.sale = "off", 3600.0, ""
        self.hot = ""
        provider, self.charges = ProviderTable(pools["payments"]), Charges(pools["payments"])
        self.stock, self.orders = (
            Stock(pools["inventory"], 60, lambda: STRATEGIES["conditional"]),
            Orders(pools["orders"], leads=lambda skus: self.hot in skus),
        )
        self.inventory = inventory_app(self.stock, {})
        self.payments = payments_app(self.charges, Provider(provider), provider, {})
        near: Any = Near({"inventory": self.inventory, "payments": self.payments})
        self.attempts, peer_payments = Attempts(pools["orders"]), Payments(near)
        intake = Intake(self.orders.backlog, lambda: self.policy, lambda: self.limit_s, count().__next__)
        rounds = Rounds(
            self.attempts, self.orders, Inventory(near), peer_payments, Bounds(), ids("a secret"), intake.promise
        )
        handover = Handover(self.orders, Fulfilment(near), lambda: False, bound_s=60)
        door = Door(Papers("a secret"), lambda: self.sale)
        catalog = Catalog(near)
        checkout = Checkout(self.attempts, self.orders, catalog, rounds, door, intake, handover, total_s=60, peer_s=60)
        self.reconciler = Reconciler(self.attempts, rounds, peer_payments, after_s=0, total_s=60, peer_s=60)
        self.app = orders_app(checkout, self.orders, {})

    def order(self, key: str, sku: str, quantity: int = 1, token: str = "tok_ok", admission: str = "") -> Any:
        """POST /api/orders; the response."""
        body = {"items": [{"sku": sku, "quantity": quantity}], "payment": {"token": token}}
        headers = {"Idempotency-Key": key, "X-Admission": admission}
        return self.app.test_client().post("/api/orders", json=body, headers=headers)


@contextmanager
def opened(shop_database: ShopDatabase) -> Iterator[OrderShop]:
    """A shop whose pools are closed at the end."""
    with ExitStack() as stack:
        yield OrderShop(shop_database, stack)
