"""What the warehouse and the letter writer do with an event, once in effect."""

from dataclasses import fields
from typing import Any

import pytest

from labs.control import probes
from services.common.bus import QUEUES, Event, Item, home_of, retry_queue
from services.common.errors import Unavailable
from services.common.settings import BusSettings
from services.fulfilment.warehouse import Warehouse
from services.notifications.letters import Letter, write_to

EVENT = Event(
    name="order.placed",
    event_id="e",
    order_id="o",
    items=[Item(sku="tea-001", quantity=2)],
    total_cents=1005,
    placed_at="now",
)


class Shipments(dict[str, Any]):
    def exists(self, order_id: str) -> bool:
        return order_id in self

    def add(self, order_id: str, items: list[dict[str, Any]]) -> bool:
        return self.setdefault(order_id, items) is items


class Orders:
    def __init__(self, fail: int = 0) -> None:
        self.told: list[str] = []
        self.fail = fail

    def shipped(self, order_id: str) -> None:
        self.told.append(order_id)
        if len(self.told) <= self.fail:
            raise Unavailable("away")


class Messages(dict[str, Letter]):
    def add(self, letter: Letter) -> bool:
        return self.setdefault(letter.event_id, letter) is letter


def test_a_parcel_is_packed_once_and_told_every_time() -> None:
    packed: list[float] = []
    shipments, orders = Shipments(), Orders()
    warehouse = Warehouse(lambda: shipments, orders, pack_s=lambda: 0.02, sleep=packed.append)
    warehouse.handle(EVENT)
    warehouse.handle(EVENT)
    assert packed == [0.02] and orders.told == ["o", "o"]
    assert shipments == {"o": [{"sku": "tea-001", "quantity": 2}]}


def test_whoever_waits_for_a_parcel_goes_without_when_the_packing_table_stays_taken() -> None:
    shipments = Shipments()
    warehouse = Warehouse(lambda: shipments, Orders(), pack_s=lambda: 0.0, sleep=lambda _: impatient())

    def impatient() -> None:
        with pytest.raises(Unavailable):
            warehouse.pack("second", [], patience_s=0.01)

    warehouse.pack("first", [], patience_s=0.01)
    assert list(shipments) == ["first"]


def test_a_parcel_that_orders_did_not_hear_of_is_told_again() -> None:
    shipments, orders = Shipments(), Orders(fail=1)
    warehouse = Warehouse(lambda: shipments, orders, pack_s=lambda: 0.0)
    with pytest.raises(Unavailable):
        warehouse.handle(EVENT)
    warehouse.handle(EVENT)
    assert orders.told == ["o", "o"]


def test_a_shopper_is_told_once_and_in_words() -> None:
    messages = Messages()
    write_to(messages, EVENT)
    write_to(messages, EVENT)
    assert [letter.body for letter in messages.values()] == ["2 pieces for 10.05. We are packing."]


def test_an_event_without_words_is_a_failure_that_is_seen() -> None:
    with pytest.raises(KeyError):
        write_to(Messages(), EVENT.model_copy(update={"name": "order.eaten"}))


def test_the_tools_know_every_queue_the_services_make() -> None:
    waits = env_default(BusSettings, "bus_retry_s")
    homes = {home_of(queue) for queue in QUEUES}
    made = {name for home in homes for name in (f"{home}.dead", *(retry_queue(home, wait_s) for wait_s in waits))}
    assert set(probes.QUEUES) == set(QUEUES) | made | {name.replace("later", "memory") for name in made}


def env_default(settings: type, name: str) -> tuple[float, ...]:
    default: tuple[float, ...] = next(f.metadata["default"] for f in fields(settings) if f.name == name)
    return default
