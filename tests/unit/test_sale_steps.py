"""The order of the steps that begin and end a sale, and what is left when one of them fails."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import pytest

from compose.runtime.verbs import RuntimeFailed, UnknownComponent
from labs import warming
from labs.control import sale
from labs.control.sale import Sales

ON = {"sku": "pot-020", "lane": True}


class Lock:
    """The shop's lock, which is noted among the `steps`."""

    def __init__(self, steps: list[str]) -> None:
        self._steps = steps

    def __enter__(self) -> None:
        self._steps.append("lock")

    def __exit__(self, *_: object) -> None:
        self._steps.append("unlock")


class Shop:
    """The shop, its probes, its tables and its repairs at once: all that is done is in one list, and the step that is
    `broken` fails.
    """

    url = "http://shop"

    def __init__(self, on: Mapping[str, Any] | None = None, broken: str = "") -> None:
        self.on, self.broken, self.steps = on, broken, list[str]()
        self.probes = self.repairs = self

    def _do(self, step: str) -> None:
        self.steps.append(step)
        if step == self.broken:
            raise RuntimeFailed(f"{step} failed")

    def set_flag(self, name: str, text: str) -> None:
        self._do(f"{name}={text.split('~')[0]}")

    def scale(self, service: str, replicas: int) -> None:
        self._do(f"{service}={replicas}")

    def open_lane(self, sku: str) -> None:
        self._do(f"lane for {sku}")

    def close_lane(self) -> None:
        self._do("no lane")

    def restock(self, sku: str, stock: int) -> None:
        self._do(f"{stock} {sku}")

    @contextmanager
    def sql(self) -> Iterator["Shop"]:
        yield self

    def execute(self, query: str, values: Mapping[str, Any] | None = None) -> Any:
        if query == sale.BEGIN:
            self._do("begun")
            self.on = ON
        elif query == sale.END:
            self._do("ended")
            self.on = None
        elif "catalog.products" in query:
            return [{"sku": "pot-020", "name": "a pot"}]
        return self

    def fetchone(self) -> Mapping[str, Any] | None:
        return self.on


ENDING = ["orders.admission=default", "waiting-room=0", "no lane", "ended"]


@pytest.fixture(autouse=True)
def nothing_to_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "read", lambda url: None)


def sales(shop: Any) -> Sales:
    return Sales(shop, threading.RLock())


def test_nobody_can_buy_without_an_admission_before_there_are_pieces_and_the_room_opens_last() -> None:
    shop = Shop()
    sales(shop).start("pot-020", 100, 5.0, lane=True)
    assert shop.steps == ["orders.admission=pot-020", "begun", "100 pot-020", "lane for pot-020", "waiting-room=1"]


def test_nobody_else_changes_the_shop_while_a_sale_begins_or_is_paced_and_all_may_while_it_ends() -> None:
    begun, paced, ended = Shop(), Shop(on=ON), Shop(on=ON)
    locked = lambda shop: Sales(cast(Any, shop), cast(Any, Lock(shop.steps)))  # noqa: E731
    locked(begun).start("pot-020", 100, 5.0)
    locked(paced).pace(5.0)
    locked(ended).stop()
    assert (begun.steps[0], begun.steps[-1]) == ("lock", "unlock")
    assert paced.steps == ["lock", "unlock"]
    assert ended.steps == ENDING


def test_a_sale_that_cannot_begin_is_taken_back_whole() -> None:
    shop = Shop(broken="waiting-room=1")
    with pytest.raises(RuntimeFailed, match="waiting-room=1 failed"):
        sales(shop).start("pot-020", 100, 5.0, lane=True)
    assert shop.steps[-4:] == ENDING and shop.on is None


def test_what_is_not_sold_and_a_second_sale_change_nothing() -> None:
    idle, busy = Shop(), Shop(on=ON)
    with pytest.raises(UnknownComponent, match="there is no item 'pot-021'"):
        sales(idle).start("pot-021", 100, 5.0)
    with pytest.raises(RuntimeFailed, match="a sale of pot-020 is running"):
        sales(busy).start("pot-020", 100, 5.0)
    assert idle.steps == busy.steps == []


def test_a_sale_ends_in_the_tables_last() -> None:
    shop = Shop(on=ON)
    assert sales(shop).stop() == ON
    assert shop.steps == ENDING


@pytest.mark.parametrize("broken", ENDING[:-1])
def test_a_sale_whose_end_failed_is_still_on_and_can_be_ended_again(broken: str) -> None:
    shop = Shop(on=ON, broken=broken)
    with pytest.raises(RuntimeFailed):
        sales(shop).stop()
    assert sales(shop).status() == ON
    shop.steps, shop.broken = [], ""
    sales(shop).stop()
    assert shop.steps == ENDING and shop.on is None


def test_without_a_lane_none_is_closed() -> None:
    shop = Shop(on=ON | {"lane": False})
    sales(shop).stop()
    assert "no lane" not in shop.steps
