"""Faults in force: what is written down when, what is undone in which order, what outlives control."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from compose.gateway import SpecInvalid
from compose.runtime.links import Link
from compose.runtime.verbs import Component, RuntimeFailed, UnknownComponent
from labs.control.in_force import FaultsInForce
from labs.control.ledger import Ledger
from labs.faults.fault import Fault, Parameter, UnknownFault

REPLICA = Component(name="postgres-2", service="postgres-2", kind="store", state="running", ready=True, role="replica")
CART = Component(name="cart-1", service="cart", kind="service", state="running", ready=True)
DEAD = Component(name="cart-2", service="cart", kind="service", state="stopped", ready=False)


class Machine:
    """A runtime, and a shop, that only know who is there."""

    name = "local"

    def ps(self, ask: bool = True) -> Sequence[Component]:
        return [REPLICA, CART, DEAD]

    def links(self) -> Sequence[Link]:
        return [Link(client="postgres-2", server="postgres-1", listen="127.0.0.1:1", upstream="127.0.0.1:2")]


class Body:
    """Some faults and what they do to the shop, in words. What is in `stuck` cannot be undone, for one more time less
    each time; `why` is what is raised then.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.stuck: dict[str, int] = {}
        self.why: Exception = RuntimeFailed("cart-1 is away")
        self._faults = {
            "passes": self._fault("passes", kinds=("service", "store")),
            "stays": self._fault("stays", kinds=("replica", "balanced"), outlives=True),
            "cuts": self._fault("cuts", kinds=("link",), outlives=True),
            "elsewhere": self._fault("elsewhere", kinds=("service",), runtimes=("containers",)),
        }

    def find(self, name: str) -> Fault:
        return self._faults[name]

    def _fault(self, name: str, **more: Any) -> Fault:
        def apply(_shop: object, target: str, given: Mapping[str, Any]) -> None:
            if given["how"] == "badly":
                raise RuntimeFailed("it does not want to")
            self.done.append(f"{name} {target}")
            if given["how"] == "half":
                raise ZeroDivisionError

        def undo(_shop: object, target: str) -> None:
            if self.stuck.get(name):
                self.stuck[name] -= 1
                raise self.why
            self.done.append(f"undo {name} {target}")

        how = Parameter("well", "", "how it goes")
        return Fault(name=name, sees="-", teaches="-", parameters={"how": how}, apply=apply, undo=undo, **more)


@pytest.fixture
def body() -> Body:
    return Body()


def control(folder: Path, body: Body) -> FaultsInForce:
    """A control that starts in this folder."""
    ledger, machine = Ledger(folder / "faults.json"), cast(Any, Machine())
    return FaultsInForce(machine, machine, ledger, threading.RLock(), body.find, again_s=0.01)


def test_all_are_undone_the_last_one_first(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-1", {}, 0)
    shop.strike("stays", "postgres-2", {}, 0)
    assert shop.undo_all() == [] and shop.entries() == []
    assert body.done[2:] == ["undo stays postgres-2", "undo passes cart-1"]


def test_the_network_is_there_again_before_anybody_is_started_who_may_need_it(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    shop.strike("cuts", "replication", {}, 0)
    shop.strike("passes", "postgres-2", {}, 0)
    assert shop.undo_all() == []
    assert body.done[2:] == ["undo cuts replication", "undo passes postgres-2"]


def test_the_same_fault_again_takes_the_place_of_the_first(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-1", {}, 0)
    shop.strike("passes", "cart-1", {"how": "harder"}, 0)
    assert body.done == ["passes cart-1", "undo passes cart-1", "passes cart-1"]
    assert [entry.given for entry in shop.entries()] == [{"how": "harder"}]


def test_a_fault_that_could_not_be_applied_is_not_in_force(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    with pytest.raises(RuntimeFailed, match="does not want to"):
        shop.strike("passes", "cart-1", {"how": "badly"}, 0)
    assert shop.entries() == []


def test_what_could_not_be_undone_is_said_and_stays_in_force(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-1", {}, 0)
    body.stuck = {"passes": 1}
    assert shop.undo_all() == ["passes of cart-1: cart-1 is away"]
    assert shop.undo_all() == []
    assert body.done == ["passes cart-1", "undo passes cart-1"]


def test_a_fault_that_broke_off_in_an_unforeseen_way_is_undone_at_once(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    with pytest.raises(ZeroDivisionError):
        shop.strike("passes", "cart-1", {"how": "half"}, 0)
    assert body.done == ["passes cart-1", "undo passes cart-1"] and shop.entries() == []


@pytest.mark.parametrize("why", [SpecInvalid("no such limit"), psycopg.OperationalError("the server is away")])
def test_one_that_cannot_be_undone_keeps_no_other_from_it(body: Body, tmp_path: Path, why: Exception) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-1", {}, 0)
    shop.strike("stays", "postgres-2", {}, 0)
    body.stuck, body.why = {"stays": 1}, why
    assert shop.undo_all() == [f"stays of postgres-2: {why}"]
    assert body.done[-1] == "undo passes cart-1"


def test_a_fault_that_cannot_be_written_down_is_not_applied(body: Body, tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailed, match="cannot be written down"):
        control(tmp_path / "gone", body).strike("passes", "cart-1", {}, 0)
    assert body.done == []


def test_a_full_disk_keeps_no_fault_from_being_undone(body: Body, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    shop = control(folder, body)
    shop.strike("passes", "cart-1", {}, 0)
    folder.rename(tmp_path / "gone")
    assert shop.undo_all() == [] and shop.entries() == []


def test_a_fault_dies_with_the_process_it_struck_unless_it_outlives_that(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-2", {}, 0)
    shop.strike("stays", "cart", {}, 0)
    body.stuck = {"passes": 1, "stays": 1}
    shop.undo_all()
    assert [entry.fault for entry in shop.entries()] == ["stays"]


def test_after_control_was_killed_the_next_one_undoes_what_outlived_it_and_nothing_else(
    body: Body, tmp_path: Path
) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-1", {}, 0)
    shop.strike("stays", "postgres-2", {}, 0)
    body.done.clear()
    later = control(tmp_path, body)
    later.undo_what_outlived()
    assert body.done == ["undo stays postgres-2"] and later.entries() == []


def test_a_fault_heals_by_itself_after_its_time(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-1", {}, 0.01)
    wait_for_timers()
    assert shop.entries() == [] and body.done[-1] == "undo passes cart-1"


def test_a_fault_whose_time_is_over_is_undone_as_soon_as_that_is_possible(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-1", {}, 0.01)
    body.stuck = {"passes": 3}
    wait_for_timers()
    assert shop.entries() == [] and body.done[-1] == "undo passes cart-1"


def test_the_time_of_a_fault_that_was_healed_does_not_end_the_same_one_struck_later(body: Body, tmp_path: Path) -> None:
    shop = control(tmp_path, body)
    shop.strike("passes", "cart-1", {}, 0.2)
    shop.undo_all()
    shop.strike("passes", "cart-1", {}, 0)
    wait_for_timers()
    assert len(shop.entries()) == 1 and body.done[-1] == "passes cart-1"


def wait_for_timers() -> None:
    while timers := [each for each in threading.enumerate() if isinstance(each, threading.Timer)]:
        timers[0].join(5)


def test_a_fault_says_where_it_works(body: Body, tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailed, match="only in containers"):
        control(tmp_path, body).strike("elsewhere", "cart-1", {}, 0)


def test_it_says_what_every_fault_of_the_catalogue_can_strike_here(body: Body, tmp_path: Path) -> None:
    targets = control(tmp_path, body).targets()
    assert "postgres-2" in targets["replication_lag"] and targets["consumer_slow"] == []
    assert all("cart-1" not in targets[fault] for fault in ("replication_lag", "latency"))


def test_a_target_of_another_kind_is_refused_and_the_right_ones_are_named(body: Body, tmp_path: Path) -> None:
    with pytest.raises(UnknownFault, match="replica, balanced; here postgres-2, cart"):
        control(tmp_path, body).strike("stays", "cart-1", {}, 0)
    with pytest.raises(UnknownComponent, match="cart-1"):
        control(tmp_path, body).strike("passes", "crat-1", {}, 0)
