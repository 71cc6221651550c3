"""Whom faults of the network strike, and which way."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from compose.runtime.links import Link, by_name
from compose.runtime.verbs import Component, RuntimeFailed, UnknownComponent
from labs import faults
from labs.control.links import Links
from labs.faults.fault import UnknownFault
from labs.faults.targets import must_strike

PAIRS = (
    ("catalog-1", "memcached-1"),
    ("catalog-1", "postgres-1"),
    ("catalog-2", "postgres-1"),
    ("catalog-2", "postgres-2"),
    ("postgres-2", "postgres-1"),
)
LINKS = [Link(client=client, server=server, listen="", upstream="") for client, server in PAIRS]
COMPONENTS = [
    Component(name=name, service=name.rstrip("-123"), kind=kind, state="running", ready=True)
    for name, kind in (("catalog-1", "service"), ("memcached-1", "store"), ("postgres-1", "store"))
]


class Recording(Links):
    """Links that note who is struck, in which stream."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(links=lambda: LINKS))  # type: ignore[arg-type]
        self.struck: list[str] = []

    def strike(self, note: str, links: Sequence[Link], toxic: Mapping[str, Any]) -> None:
        self.struck += [f"{link.name} {toxic['stream']}" for link in links]


def struck(fault: str, whom: str, /, **given: Any) -> list[str]:
    """Who is, by this fault."""
    links, found = Recording(), faults.find(fault)
    found.apply(SimpleNamespace(links=links), whom, found.read(given))  # type: ignore[arg-type]
    return links.struck


@pytest.mark.parametrize(
    ("target", "links"),
    [
        ("catalog-1:postgres-1", ["catalog-1:postgres-1"]),
        ("catalog:postgres-1", ["catalog-1:postgres-1", "catalog-2:postgres-1"]),
        ("catalog-2:postgres", ["catalog-2:postgres-1", "catalog-2:postgres-2"]),
        ("postgres-1", ["catalog-1:postgres-1", "catalog-2:postgres-1", "postgres-2:postgres-1"]),
        ("replication", ["postgres-2:postgres-1"]),
    ],
)
def test_a_target_names_one_link_or_several(target: str, links: list[str]) -> None:
    assert [link.name for link in by_name(LINKS)[target]] == links


@pytest.mark.parametrize(
    ("direction", "streams"),
    [("to", ["upstream"]), ("from", ["downstream"]), ("both", ["downstream", "upstream"])],
)
def test_a_partition_loses_what_the_component_sends_or_is_sent(direction: str, streams: list[str]) -> None:
    one = struck("partition", "catalog-1", target="memcached-1", direction=direction)
    assert one == [f"catalog-1:memcached-1 {stream}" for stream in streams]
    other = {"to": "from", "from": "to", "both": "both"}[direction]
    assert struck("partition", "memcached-1", target="catalog", direction=other) == one


def test_a_partition_from_nobody_in_particular_is_one_from_all() -> None:
    assert struck("partition", "postgres-2", direction="to") == [
        "postgres-2:postgres-1 upstream",
        "catalog-2:postgres-2 downstream",
    ]


def test_a_partition_between_two_who_never_talk_names_who_do() -> None:
    with pytest.raises(UnknownFault, match="do you mean memcached-1"):
        struck("partition", "catalog-1", target="memcached-2")


@pytest.mark.parametrize(
    ("fault", "target", "hint"),
    [
        ("latency", "catalog-1:postgre-1", "catalog-1:postgres-1"),
        ("latency", "catalog-1", "catalog-1:"),
        ("cache_down", "postgres-1", "memcached-1"),
        ("partition", "catalog-1:postgres-1", "catalog-1"),
    ],
)
def test_what_a_fault_of_the_network_cannot_strike_names_what_it_can(fault: str, target: str, hint: str) -> None:
    with pytest.raises((UnknownFault, UnknownComponent), match=hint):
        must_strike(faults.find(fault), target, COMPONENTS, LINKS)


def test_without_the_wire_the_way_to_one_is_said() -> None:
    with pytest.raises(RuntimeFailed, match="up without --no-wire"):
        must_strike(faults.find("latency"), "postgres-1", COMPONENTS)
