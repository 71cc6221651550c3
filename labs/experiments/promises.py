"""What an experiment must never cost: the shop's promises, each with the invariants that prove it."""

import time
from collections.abc import Mapping, Sequence

from labs.control.client import ShopClient

PROMISES: Mapping[str, Sequence[str]] = {
    "confirmed orders": ("done_means_ordered", "one_order_per_key", "totals_add_up"),
    "stock": ("stock_adds_up", "reservations_add_up", "sold_is_ordered"),
    "charges": ("one_charge_per_order", "no_charge_without_order"),
    "messages": ("shipped_once", "one_event_per_order"),
    "orders in flight": ("settled",),
}
"""The names are those of `labs.invariants`; a test compares them."""
FAULTS = "faults left behind"
ALL = (*PROMISES, FAULTS)
SETTLE_S = 40.0
LETTERS_S = 10.0
UNTOLD = """
select count(*) as letters from orders.outbox left join notifications.messages using (event_id)
where messages.event_id is null
"""

Broken = dict[str, str]
"""A promise, and what was found."""


def broken(shop: ShopClient, confirmed: Sequence[str]) -> list[Broken]:
    """Every promise that does not hold, once what is in flight has settled. `confirmed`: orders that shoppers saw."""
    found = [
        {"promise": promise, "found": f"{each['claim']}: {each['found']}"}
        for each in shop.invariants(SETTLE_S)
        for promise, names in PROMISES.items()
        if not each["holds"] and each["name"] in names
    ]
    if lost := _lost(shop, confirmed):
        found.append(
            {"promise": "confirmed orders", "found": f"lost, or taken back: {', '.join(lost[:5])} ({len(lost)})"}
        )
    if letters := _untold(shop):
        found.append({"promise": "messages", "found": f"{letters} events reached nobody who writes letters"})
    return found


def left_behind(shop: ShopClient) -> list[Broken]:
    """Faults that are in force although nobody wants them any more, and what does not run."""
    report = shop.report()
    faults = [f"{each['fault']} of {each['target']}" for each in report["faults"]]
    idle = [
        f"{c['name']} is {c['state']}" for c in report["components"] if c["state"] != "running" and c["kind"] != "job"
    ]
    return [{"promise": FAULTS, "found": each} for each in faults + idle]


def _lost(shop: ShopClient, confirmed: Sequence[str]) -> list[str]:
    rows = shop.rows("select order_id from orders.orders where status <> 'cancelled'") if confirmed else []
    return sorted(set(confirmed) - {row["order_id"] for row in rows})


def _untold(shop: ShopClient) -> int:
    """Events without a letter; one may still be under way."""
    deadline = time.monotonic() + LETTERS_S
    while (letters := int(shop.rows(UNTOLD)[0]["letters"])) and time.monotonic() < deadline:
        time.sleep(0.2)
    return letters
