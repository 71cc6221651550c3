"""A sale of one item with a line before it, in steps that are all taken back at its end.

It is written down ─► nobody may buy it without an admission ─► so many pieces ─► a warm page ─► (a lane) ─► the room

It is written down first and ended last: wherever that breaks off, the table says that there is something to take back.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from compose.runtime.verbs import RuntimeFailed, UnknownComponent, first_line
from labs import warming
from labs.control.bounds import MOST_ADMITTED_PER_S, MOST_PIECES
from labs.control.flags import FlagBoard
from labs.control.lane import HOT_ITEM, ORDERS
from labs.control.probes import Probes
from labs.control.repairs import Repairs
from labs.control.watching import AWAY
from labs.faults.fault import near

ROOM, FLAG = "waiting-room", "orders.admission"
BEGIN = """
insert into waiting_room.sales (sale_id, sku, name, stock, rate, since, lane)
values (%(sale)s, %(sku)s, %(name)s, %(stock)s, %(rate)s, %(now)s, %(lane)s)
"""
ADMITTED = "least(taken, base + rate * greatest(0, %(now)s - since))"
"""As `services.waiting_room.sales.Sale` counts it: a clock that was set back sends nobody out again."""
PACE = f"""
update waiting_room.sales set base = {ADMITTED}, since = %(now)s, rate = %(rate)s where ended_at is null
"""
"""Whoever has been admitted stays so; who comes next is admitted at the new rate."""
STATUS = f"""
select sale_id as sale, sku, name, stock, rate, taken,
    floor({ADMITTED})::int as admitted,
    (select count(*) from orders.attempts where state = 'done' and admission like sale_id || '.%%') as ordered,
    (select sum(available) from inventory.stock where stock.sku = sales.sku)::int as left,
    lane and not exists (select from flags.document where settings ->> '{HOT_ITEM}' <> sales.sku) as lane
from waiting_room.sales where ended_at is null
"""
"""A lane is the sale's if the sale has opened it, and nobody has given it to another item since."""
END = "update waiting_room.sales set ended_at = now() where ended_at is null"


class Shop(Protocol):
    """What a sale needs; see `shop.RunningShop`."""

    probes: Probes
    flags: FlagBoard
    repairs: Repairs

    @property
    def url(self) -> str: ...
    def set_flag(self, name: str, text: str) -> object: ...
    def scale(self, service: str, replicas: int) -> None: ...
    def open_lane(self, sku: str) -> None: ...
    def close_lane(self) -> None: ...
    def members(self, service: str) -> Sequence[str]: ...


class Sales:
    """The shop's one sale at a time. `lock` is the shop's. Every method raises RuntimeFailed."""

    def __init__(self, shop: Shop, lock: threading.RLock) -> None:
        self._shop, self._lock = shop, lock

    def start(self, sku: str, stock: int, rate: float, lane: bool = False) -> dict[str, Any]:
        """Sell `stock` pieces to the line, `rate` people a second; the sale's status. `lane`: in the item's own lane.
        One that was open for it before stays so at the end. Raises UnknownComponent.
        """
        with self._lock:
            if (on := self.status()) is not None:
                raise RuntimeFailed(f"a sale of {on['sku']} is running: `./shoplab sale stop` ends it")
            sale = f"{sku}~{int(time.time())}"
            row = {"sale": sale, "sku": sku, "name": self._name(sku), "stock": stock, "rate": rate, "now": time.time()}
            opens = lane and self._shop.flags.value(HOT_ITEM) != sku
            try:
                self._execute(BEGIN, row | {"lane": opens})
                self._shop.set_flag(FLAG, sale)
                self._shop.repairs.restock(sku, stock)
                warming.read(f"{self._shop.url}/products/{sku}")
                if lane:
                    self._shop.open_lane(sku)
                self._shop.scale(ROOM, 1)
            except Exception as error:
                self._take_back(error)
                raise
            return self.status() or {}

    def pace(self, rate: float) -> dict[str, Any]:
        """From now on admit `rate` people a second, 0 for nobody; the sale's status."""
        with self._lock:
            self._execute(PACE, {"rate": rate, "now": time.time()})
            on = self.status()
        if on is None:
            raise RuntimeFailed("no sale is running: `./shoplab sale start SKU` begins one")
        return on

    def status(self) -> dict[str, Any] | None:
        """The sale that is on: sale, sku, name, stock, rate (per s), taken (numbers), admitted, ordered, left, and
        whether it has a lane that will be closed with it.
        """
        with self._shop.probes.sql() as connection:
            row = connection.execute(STATUS, {"now": time.time()}).fetchone()
        return dict(row) if row else None

    def stop(self) -> dict[str, Any] | None:
        """End the sale: the item is sold like all others, waiting room and lane rest. How it was; None: there was
        none. Not under the lock for as long as the lane's last parcels are packed: the primary's watch needs it.
        """
        self._shop.set_flag(FLAG, "default")
        on = self.status()
        self._shop.scale(ROOM, 0)
        if on is not None and on["lane"]:
            self._shop.close_lane()
        self._execute(END, {})  # last: if anything fails before, the sale is still on and can be stopped again
        return on

    def end_what_outlived(self) -> None:
        """No sale goes on without a waiting room, nor a room or a lane without a sale or an item: the shop was down, or
        its tables are those of another moment.
        """
        if self.status() is not None or self._shop.members(ROOM):
            self.stop()
        if not self._shop.flags.value(HOT_ITEM) and self._shop.members(ORDERS):
            self._shop.close_lane()

    def _take_back(self, why: Exception) -> None:
        """End the sale that could not begin. Raises RuntimeFailed, which says `why` as well, when it cannot end."""
        try:
            self.stop()
        except AWAY as error:
            left = f"what was done must be taken back with `./shoplab sale stop`: {first_line(error)}"
            raise RuntimeFailed(f"{first_line(why)}; {left}") from why

    def _name(self, sku: str) -> str:
        with self._shop.probes.sql() as connection:
            known = {row["sku"]: row["name"] for row in connection.execute("select sku, name from catalog.products")}
        if sku not in known:
            raise UnknownComponent(f"there is no item {sku!r}; {near(sku, list(known))}")
        return str(known[sku])

    def _execute(self, query: str, values: dict[str, Any]) -> None:
        with self._shop.probes.sql() as connection:
            connection.execute(query, values)


def implausible(stock: int, rate: float) -> str:
    """Why a sale cannot be like this; empty when it can."""
    if not 1 <= stock <= MOST_PIECES:
        return f"a sale has 1 to {MOST_PIECES} pieces, not {stock}"
    if not 0 <= rate <= MOST_ADMITTED_PER_S:
        return f"a rate is 0 to {MOST_ADMITTED_PER_S} people a second, not {rate:g}"
    return ""
