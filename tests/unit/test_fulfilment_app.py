"""The warehouse over HTTP, without servers: a parcel that somebody waits for."""

from typing import Any

from services.common.errors import Unavailable
from services.fulfilment.app import create_app

PARCEL = "/internal/fulfilment/parcels/o1"
ITEMS = {"items": [{"sku": "tea-001", "quantity": 2}]}


class Warehouse:
    def __init__(self, busy: bool = False) -> None:
        self.packed: list[tuple[str, list[dict[str, Any]], float]] = []
        self._busy = busy

    def pack(self, order_id: str, items: list[dict[str, Any]], patience_s: float) -> None:
        if self._busy:
            raise Unavailable("others are waiting, too")
        self.packed.append((order_id, items, patience_s))


def test_a_parcel_is_packed_for_whoever_waits_for_it() -> None:
    warehouse = Warehouse()
    answer = create_app(warehouse, 1.5, {}).test_client().put(PARCEL, json=ITEMS)
    assert answer.status_code == 200 and answer.json == {"order_id": "o1"}
    assert warehouse.packed == [("o1", ITEMS["items"], 1.5)]


def test_a_packing_table_that_stays_taken_is_said_so() -> None:
    answer = create_app(Warehouse(busy=True), 1.5, {}).test_client().put(PARCEL, json=ITEMS)
    assert answer.status_code == 503
