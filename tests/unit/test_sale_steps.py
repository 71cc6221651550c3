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


class Killed(BaseException):
    """Control ends here: nothing that it does about exceptions is done."""


class Lock:
    """The shop's lock, which is noted among the `steps`."""

    def __init__(self, steps: list[str]) -> None:
        self._steps = steps

    def __enter__(self) -> None:
        self._steps.append("lock")

    def __exit__(self, *_: object) -> None:
        self._steps.append("unlock")


class Shop:
    """The shop, its probes, its flags, its tables and its repairs at once: all that is done is in one list, and steps
    that are `broken` fail. `running` are the services that have replicas, `lane` is the item that has one.
    """

    url = "http://shop"

    def __init__(
        self, on: Mapping[str, Any] | None = None, *broken: str, killed_at: str = "", running: str = "", lane: str = ""
    ) -> None:
        self.on, self.broken, self.steps = on, broken, list[str]()
        self.killed_at, self.running, self.lane = killed_at, running, lane
        self.probes = self.flags = self.repairs = self

    def _do(self, step: str) -> None:
        self.steps.append(step)
        if step == self.killed_at:
            raise Killed
        if step in self.broken:
            raise RuntimeFailed(f"{step} failed")

    def value(self, name: str) -> str:
        return self.lane

    def members(self, service: str) -> list[str]:
        return [service] if service in self.running.split() else []

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
            self.on = ON | {"lane": values and values["lane"]}
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
    assert shop.steps == ["begun", "orders.admission=pot-020", "100 pot-020", "lane for pot-020", "waiting-room=1"]


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
    shop = Shop(None, "waiting-room=1")
    with pytest.raises(RuntimeFailed, match="waiting-room=1 failed"):
        sales(shop).start("pot-020", 100, 5.0, lane=True)
    assert shop.steps[-4:] == ENDING and shop.on is None


def test_a_sale_that_neither_begins_nor_can_be_taken_back_says_both_and_is_still_on() -> None:
    shop = Shop(None, "orders.admission=pot-020", "orders.admission=default")
    with pytest.raises(RuntimeFailed, match=r"=pot-020 failed; .*`./shoplab sale stop`.*=default failed"):
        sales(shop).start("pot-020", 100, 5.0)
    assert sales(shop).status() is not None


@pytest.mark.parametrize("step", ["orders.admission=pot-020", "100 pot-020", "waiting-room=1"])
def test_a_sale_in_whose_beginning_control_was_killed_is_taken_back_by_the_next(step: str) -> None:
    shop = Shop(killed_at=step)
    with pytest.raises(Killed):
        sales(shop).start("pot-020", 100, 5.0)
    sales(shop).end_what_outlived()
    assert shop.on is None and shop.steps[-3:] == ["orders.admission=default", "waiting-room=0", "ended"]


def test_a_room_and_a_lane_that_nobody_needs_any_more_rest() -> None:
    room, idle, used, quiet = (
        Shop(running="waiting-room"), Shop(running="orders-lane"), Shop(running="orders-lane", lane="pot-020"), Shop(),
    )  # fmt: skip
    for shop in (room, idle, used, quiet):
        sales(shop).end_what_outlived()
    assert room.steps == ["orders.admission=default", "waiting-room=0", "ended"]
    assert (idle.steps, used.steps, quiet.steps) == (["no lane"], [], [])


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
    shop = Shop(ON, broken)
    with pytest.raises(RuntimeFailed):
        sales(shop).stop()
    assert sales(shop).status() == ON
    shop.steps, shop.broken = [], ()
    sales(shop).stop()
    assert shop.steps == ENDING and shop.on is None


@pytest.mark.parametrize("lane", [True, False])
def test_a_lane_that_was_open_before_the_sale_stays_open_after_it(lane: bool) -> None:
    shop = Shop(lane="pot-020")
    sales(shop).start("pot-020", 100, 5.0, lane=lane)
    sales(shop).stop()
    assert "no lane" not in shop.steps
