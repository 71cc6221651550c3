"""The fault catalogue refuses what it does not know, and remembers what it did."""

from pathlib import Path

import pytest

from labs import faults
from labs.control.ledger import Ledger
from labs.faults.fault import UnknownFault


def test_an_unknown_fault_names_the_near_ones() -> None:
    with pytest.raises(UnknownFault, match="do you mean process_kill"):
        faults.find("proces_kil")


def test_an_unknown_parameter_names_the_near_ones() -> None:
    with pytest.raises(UnknownFault, match="do you mean fixedDelay"):
        faults.find("http_delay").read({"fixed_delay": "1"})


@pytest.mark.parametrize("value", ["soon", "-1"])
def test_a_parameter_of_the_wrong_form_is_refused(value: str) -> None:
    with pytest.raises(UnknownFault, match="fixedDelay must"):
        faults.find("http_delay").read({"fixedDelay": value})


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
