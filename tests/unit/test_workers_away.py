"""Who is stopped for a moment comes back, whatever happens meanwhile."""

import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from compose.runtime.verbs import Component, RuntimeFailed
from labs.control.components import Components

WORKERS = [
    Component(name=f"{name}-1", service=name, kind="worker", state="running", ready=True)
    for name in ("relay", "fulfilment", "notifications")
]


class Machine:
    """A runtime that notes who runs; `stubborn` cannot be stopped."""

    name = "local"

    def __init__(self, stubborn: str = "") -> None:
        self.running, self.stubborn = {each.name for each in WORKERS}, stubborn

    def ps(self, ask: bool = True) -> Sequence[Component]:
        return WORKERS

    def stop(self, component: str, grace_s: float) -> None:
        if component == self.stubborn:
            raise RuntimeFailed(f"{component} does not end")
        self.running.remove(component)

    def start(self, component: str) -> None:
        self.running.add(component)


def components(machine: Any) -> Components:
    return Components(machine, cast(Any, None), threading.RLock(), renew_links=lambda: None)


def test_workers_are_away_meanwhile_and_back_when_the_work_fails() -> None:
    machine = Machine()
    with pytest.raises(ZeroDivisionError), components(machine).workers_away():
        assert machine.running == set()
        raise ZeroDivisionError
    assert len(machine.running) == 3


def test_one_that_does_not_end_leaves_no_other_stopped() -> None:
    machine = Machine(stubborn="fulfilment-1")
    with pytest.raises(RuntimeFailed, match="fulfilment-1 does not end"), components(machine).workers_away():
        raise AssertionError("nothing must be done while a worker is at work")
    assert len(machine.running) == 3
