"""A transaction locks a table and forgets to end: everybody who needs the table waits behind it."""

from labs.faults.fault import Fault, Parameter

TABLES = (
    "catalog.products",
    "inventory.stock",
    "inventory.reservations",
    "payments.charges",
    "orders.orders",
    "orders.lines",
    "orders.outbox",
    "fulfilment.shipments",
    "notifications.messages",
)

FAULT = Fault(
    name="db_lock",
    kinds=("primary",),
    sees="requests that need the table hang until a statement's time is over, then fail; soon all threads hang there",
    teaches="one slow transaction stops all: bounded statements, short transactions, lock_timeout",
    parameters={
        "table": Parameter("inventory.stock", "", "locked in ACCESS EXCLUSIVE mode", choices=TABLES),
        "hold_s": Parameter(60.0, "s", "then the server rolls the transaction back", most=3600, least=1),
    },
    apply=lambda shop, target, given: shop.postgres.lock(target, given["table"], given["hold_s"]),
    undo=lambda shop, target: shop.postgres.let_go(target, "lock"),
)
