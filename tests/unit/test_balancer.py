"""What the gateway is told: by several at once, before it starts anew and after, and as at first."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from compose import gateway
from compose.gateway import Gateway, SpecInvalid
from compose.runtime.verbs import RuntimeFailed
from labs.control.balancer import APPLY, SHOW, Balancer

AT_FIRST = {
    "catalog": {"catalog-1": "127.0.0.1:101", "catalog-2": "127.0.0.1:102"},
    "cart": {"cart-1": "127.0.0.1:201"},
}


class Machine:
    """A runtime with a gateway that keeps what it is told, and takes a moment to show and to apply it."""

    def __init__(self, slow_s: float = 0.0) -> None:
        self.addresses = {service: dict(replicas) for service, replicas in AT_FIRST.items()}
        self.slow_s, self.away, self.applied = slow_s, False, 0
        self.start_anew()

    def start_anew(self) -> None:
        spec = gateway.from_replicas(AT_FIRST, listen="127.0.0.1:1", listen_internal="127.0.0.1:2", data="/tmp/x")
        self.text = gateway.to_json(spec).encode()

    def replicas(self) -> Mapping[str, Mapping[str, str]]:
        return self.addresses

    def exec(self, component: str, command: Sequence[str], stdin: bytes = b"") -> bytes:
        if self.away:
            raise RuntimeFailed("the gateway is not running")
        assert component == "gateway" and command in (SHOW, APPLY)
        time.sleep(self.slow_s)
        if command == APPLY:
            self.text, self.applied = stdin, self.applied + 1
        return self.text

    @property
    def spec(self) -> Gateway:
        return gateway.from_json(self.text)

    def lines(self, service: str) -> dict[str, str]:
        return {server.name: server.address for server in self.spec.upstream(service).servers}

    def weights(self, service: str) -> list[int]:
        return [server.weight for server in self.spec.upstream(service).servers]


def balancer(machine: Machine) -> Balancer:
    return Balancer(cast(Any, machine))


def all_at_once(*calls: Callable[[], object]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)


def test_who_tells_the_gateway_something_at_the_same_time_does_not_take_back_what_others_told() -> None:
    machine = Machine(slow_s=0.02)
    told = balancer(machine)
    machine.addresses = {"catalog": {"catalog-1": "127.0.0.1:111"}, "cart": {"cart-1": "127.0.0.1:211"}}
    all_at_once(lambda: told.introduce("catalog"), lambda: told.introduce("cart"))
    assert (machine.lines("catalog"), machine.lines("cart")) == (
        {"catalog-1": "127.0.0.1:111"},
        {"cart-1": "127.0.0.1:211"},
    )


def test_a_service_without_an_upstream_is_not_introduced_so_it_starts_while_the_gateway_is_away() -> None:
    machine = Machine()
    machine.away = True
    balancer(machine).introduce("relay")


def test_a_policy_that_is_refused_leaves_the_chosen_one_to_be_restored() -> None:
    machine = Machine()
    told = balancer(machine)
    told.override("catalog", "ip_hash")
    with pytest.raises(SpecInvalid):
        told.balance("catalog", "lest_conn", {})
    told.restore("catalog")
    assert machine.spec.upstream("catalog").policy == "round_robin"


def test_a_policy_that_is_chosen_meanwhile_is_not_taken_back() -> None:
    machine = Machine()
    told = balancer(machine)
    told.override("catalog", "ip_hash")
    told.balance("catalog", "least_conn", {})
    told.restore("catalog")
    assert machine.spec.upstream("catalog").policy == "least_conn"


def test_a_gateway_that_starts_anew_is_told_its_policies_and_who_is_there_now() -> None:
    machine = Machine()
    told = balancer(machine)
    told.balance("catalog", "least_conn", {"catalog-1": 3})
    machine.addresses["catalog"] = {**AT_FIRST["catalog"], "catalog-3": "127.0.0.1:103"}
    machine.start_anew()
    told.tell_again()
    assert machine.lines("catalog") == machine.addresses["catalog"]
    assert (machine.spec.upstream("catalog").policy, machine.weights("catalog")) == ("least_conn", [3, 1, 1])


def test_a_line_that_leads_nowhere_still_does_in_a_gateway_that_starts_anew() -> None:
    machine = Machine()
    told = balancer(machine)
    told.misplace("catalog-1", 0, 1)
    machine.start_anew()
    told.tell_again()
    assert machine.lines("catalog")["catalog-1"] == "127.0.0.1:1"
    told.find_again("catalog-1")
    assert machine.lines("catalog") == AT_FIRST["catalog"]


def test_as_at_first_nobody_weighs_more_than_another_and_who_is_out_stays_out() -> None:
    machine = Machine()
    told = balancer(machine)
    told.balance("catalog", "least_conn", {"catalog-1": 3})
    told.take_out(["catalog-2"])
    told.introduce_all()
    assert (machine.spec.upstream("catalog").policy, machine.weights("catalog")) == ("round_robin", [1, 1])
    assert [server.down for server in machine.spec.upstream("catalog").servers] == [False, True]


def test_it_is_told_what_is_new_and_nothing_twice() -> None:
    machine = Machine()
    told = balancer(machine)
    for _ in range(3):
        told.introduce("catalog")
    assert machine.applied == 1  # once, as nobody knows what it was told before
    machine.addresses["catalog"]["catalog-1"] = "127.0.0.1:109"
    told.introduce("catalog")
    assert machine.applied == 2 and machine.lines("catalog")["catalog-1"] == "127.0.0.1:109"
    machine.start_anew()
    told.introduce("catalog")
    assert machine.applied == 3 and machine.lines("catalog")["catalog-1"] == "127.0.0.1:109"
