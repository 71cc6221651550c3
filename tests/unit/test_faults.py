"""The fault catalogue refuses what it does not know, and remembers what it did."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from compose.runtime.verbs import Component, RuntimeFailed
from compose.topology import PROJECT
from labs import faults
from labs.control.helpers import Helpers
from labs.control.ledger import Ledger
from labs.faults import listing
from labs.faults.fault import UnknownFault
from labs.faults.targets import must_strike

FULFILMENT, NOTIFICATIONS = (
    Component(name=f"{name}-1", service=name, kind="worker", state="running", ready=True)
    for name in ("fulfilment", "notifications")
)


class Recording:
    """A shop that notes what is done to it. `dead`, its components cannot be resumed; `gone` has ended."""

    def __init__(self, dead: bool = False, gone: str = "") -> None:
        self.done: list[str] = []
        self._dead, self._gone = dead, gone

    def members(self, service: str) -> list[str]:
        return [f"{service}-1", f"{service}-2"]

    def runs(self, component: str) -> bool:
        return component != self._gone

    def start(self, component: str) -> None:
        self.done.append(f"start {component}")

    def stop(self, component: str, grace_s: float) -> None:
        self.done.append(f"stop {component}")

    def kill(self, component: str, signal: str) -> None:
        self.done.append(f"kill {component}")

    def pause(self, component: str) -> None:
        self.done.append(f"pause {component}")
        if component == self._gone:
            raise RuntimeFailed(f"{component} is not running")

    def resume(self, component: str) -> None:
        self.done.append(f"resume {component}")
        if self._dead:
            raise RuntimeFailed(f"{component} is not running")

    def put(self, component: str, path: str, body: Mapping[str, Any]) -> None:
        self.done.append(f"put {component}")

    def rest(self, seconds: float) -> None:
        self.done.append(f"rest {seconds:g} s")

    def set_flag(self, name: str, text: str | float) -> None:
        self.done.append(f"{name} = {text}")


def test_an_unknown_fault_names_the_near_ones() -> None:
    with pytest.raises(UnknownFault, match="do you mean process_kill"):
        faults.find("proces_kil")


def test_an_unknown_parameter_names_the_near_ones() -> None:
    with pytest.raises(UnknownFault, match="do you mean fixedDelay"):
        faults.find("http_delay").read({"fixed_delay": "1"})


@pytest.mark.parametrize("value", ["soon", "-1", "61", "nan", "inf"])
def test_a_parameter_of_the_wrong_form_is_refused(value: str) -> None:
    with pytest.raises(UnknownFault, match="fixedDelay must"):
        faults.find("http_delay").read({"fixedDelay": value})


def test_a_signal_that_does_not_exist_names_the_near_ones() -> None:
    with pytest.raises(UnknownFault, match="SIGKILL"):
        faults.find("process_kill").apply(Recording(), "cart-1", {"signal": "SIGKIL"})


def test_a_signal_that_freezes_is_refused_because_no_start_would_undo_it() -> None:
    shop = Recording()
    with pytest.raises(UnknownFault, match="process_pause freezes"):
        faults.find("process_kill").apply(shop, "cart-1", {"signal": "SIGSTOP"})
    assert shop.done == []


def test_workers_of_which_one_cannot_be_frozen_all_go_on() -> None:
    shop = Recording(gone="fulfilment-2")
    with pytest.raises(RuntimeFailed):
        faults.find("consumer_pause").apply(shop, "fulfilment", {"count": 2})
    assert shop.done == ["pause fulfilment-1", "pause fulfilment-2", "resume fulfilment-1", "start fulfilment-1"]


def test_a_pause_that_ends_does_not_start_what_was_killed_meanwhile() -> None:
    shop = Recording(dead=True)
    with pytest.raises(RuntimeFailed):
        faults.find("process_pause").undo(shop, "cart-1")
    assert shop.done == ["resume cart-1"]


def test_a_restart_rests_while_the_process_is_away_so_that_others_can_heal_it() -> None:
    shop = Recording()
    faults.find("restart").apply(shop, "cart-1", {"delay_s": 60.0})
    assert shop.done == ["stop cart-1", "rest 60 s", "start cart-1"]


@pytest.mark.parametrize("status", [0, 200, 302, 600])
def test_an_answer_that_is_no_error_is_no_abort(status: int) -> None:
    with pytest.raises(UnknownFault, match="from 400 to 599"):
        faults.find("http_abort").read({"httpStatus": status})


def test_a_hot_key_that_can_be_no_product_is_refused() -> None:
    hot_key = faults.find("hot_key")
    shop = SimpleNamespace(url="http://127.0.0.1:1", helpers=Helpers())
    with pytest.raises(UnknownFault, match="no product 'a:b'"):
        hot_key.apply(cast(Any, shop), "gateway", hot_key.read({"key": "a:b"}))


def test_parameters_that_are_not_given_have_their_defaults() -> None:
    assert faults.find("http_delay").read({"fixedDelay": "0.5"}) == {
        "fixedDelay": 0.5,
        "percentage": 100.0,
        "path": "/api/",
    }


@pytest.mark.parametrize("fault", faults.all_faults(), ids=lambda fault: fault.name)
def test_every_fault_says_what_a_client_sees_and_what_it_teaches(fault: faults.Fault) -> None:
    assert fault.sees and fault.teaches and fault.kinds
    assert all(parameter.help for parameter in fault.parameters.values())


def test_a_fault_is_on_disk_before_it_is_applied_and_a_new_ledger_still_knows_it(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    entry = Ledger(path).add("process_kill", "cart-1", {"signal": "SIGKILL"})
    reopened = Ledger(path)
    assert reopened.entries() == [entry]
    reopened.remove(entry)
    assert Ledger(path).entries() == []


def test_a_parameter_that_is_one_of_a_few_names_the_near_ones() -> None:
    policy = faults.fault.Parameter("round_robin", "", "which", choices=("round_robin", "ip_hash"))
    fault = replace(faults.find("restart"), parameters={"policy": policy})
    with pytest.raises(UnknownFault, match="do you mean ip_hash"):
        fault.read({"policy": "iphash"})


def test_only_a_consumer_with_a_pace_of_its_own_can_be_made_slow() -> None:
    shop = Recording()
    faults.find("consumer_slow").apply(shop, "fulfilment", {"delay_ms": 250.0})
    faults.find("consumer_slow").undo(shop, "fulfilment")
    assert shop.done == ["fulfilment.pack_ms = 250.0", "fulfilment.pack_ms = default"]
    with pytest.raises(UnknownFault, match=r"only fulfilment.*here fulfilment"):
        must_strike(faults.find("consumer_slow"), "notifications", [FULFILMENT, NOTIFICATIONS])


def test_the_catalogues_page_is_the_catalogue() -> None:
    assert (PROJECT / "labs" / "faults" / "README.md").read_text() == listing.markdown()


def test_every_file_that_holds_a_fault_is_in_the_catalogue_under_its_own_name() -> None:
    files = {path.stem for path in (PROJECT / "labs" / "faults").glob("*.py") if "\nFAULT" in path.read_text()}
    assert files == set(faults.CATALOGUE)


def test_a_number_is_bounded_so_that_no_fault_outgrows_the_machine() -> None:
    numbers = [p for fault in faults.all_faults() for p in fault.parameters.values() if not isinstance(p.default, str)]
    assert all(number.most is not None for number in numbers)


@pytest.mark.parametrize("fault", faults.all_faults(), ids=lambda fault: fault.name)
def test_every_fault_is_struck_by_a_test_at_the_real_shop(fault: faults.Fault) -> None:
    tests = "".join(path.read_text() for path in (PROJECT / "tests" / "shop").glob("test_*.py"))
    assert f'"{fault.name}"' in tests
