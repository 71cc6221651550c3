"""Flags: every replica takes the newest document it can find, and keeps what it knows when it finds none."""

from dataclasses import replace

import pytest

from compose.gateway import RateLimits
from compose.gateway.model import MAX_RATE
from labs.control.flags import FlagState, UnknownFlag
from services.common.errors import Unavailable
from services.common.flags import KEY, Document, Flag, Flags
from services.common.memcached import NodeFailed

FLAGS = (Flag(name="toy.fast", default=True, help="be fast"), Flag(name="toy.wait_ms", default=5.0, help="how long"))


class Node:
    """A cache node of its own; `away` makes it fail."""

    def __init__(self, document: Document | None = None) -> None:
        self.kept = {KEY: document.to_json().encode()} if document else {}
        self.away = False

    def alive(self) -> bool:
        return True

    def get(self, key: str) -> bytes | None:
        if self.away:
            raise NodeFailed("away")
        return self.kept.get(key)

    def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        return self.kept.setdefault(key, value) is value


def slow(version: int) -> Document:
    return Document(version=version, values={"toy.fast": False})


def test_a_flag_that_nobody_set_has_its_default_and_an_undeclared_one_is_an_error() -> None:
    flags = Flags(FLAGS)
    flags.refresh()
    assert (flags["toy.fast"], flags["toy.wait_ms"]) == (True, 5.0)
    with pytest.raises(KeyError):
        flags["toy.fsat"]


def test_the_newest_document_of_all_nodes_is_taken_so_a_node_that_was_away_misleads_nobody() -> None:
    stale, fresh = Node(Document(version=7, values={})), Node(slow(8))
    flags = Flags(FLAGS, [stale, fresh])  # type: ignore[list-item]
    flags.refresh()
    fresh.away = True
    flags.refresh()
    assert flags["toy.fast"] is False


def test_without_a_cached_document_postgres_is_asked_and_the_caches_get_it_back() -> None:
    node = Node()
    flags = Flags(FLAGS, [node], lambda: slow(3))  # type: ignore[list-item]
    flags.refresh()
    assert flags["toy.fast"] is False
    assert Document.read(node.kept[KEY]).version == 3


def test_when_everything_is_away_the_last_known_flags_stay() -> None:
    def away() -> Document:
        raise Unavailable("no database")

    node = Node(slow(3))
    flags = Flags(FLAGS, [node], away)  # type: ignore[list-item]
    flags.refresh()
    node.away = True
    flags.refresh()
    assert flags["toy.fast"] is False


def test_rubbish_in_the_cache_changes_nothing() -> None:
    node = Node()
    node.kept[KEY] = b'{"version": "x"'
    flags = Flags(FLAGS, [node])  # type: ignore[list-item]
    flags.refresh()
    assert flags["toy.fast"] is True


def state(default: bool | int | float | str, choices: tuple[str, ...] = ()) -> FlagState:
    return FlagState(name="toy.x", value=default, default=default, unit="", help="", choices=choices)


@pytest.mark.parametrize(
    ("flag", "typed", "value"),
    [(state(True), "off", False), (state(5.0), "20", 20.0), (state("a", ("a", "b")), "b", "b"), (state(3), "4", 4)],
)
def test_what_is_typed_becomes_the_flags_type(flag: FlagState, typed: str, value: object) -> None:
    assert flag.read(typed) == value


@pytest.mark.parametrize(
    ("flag", "typed"), [(state(True), "maybe"), (state(5.0), "fast"), (state("a", ("a", "b")), "c"), (state(3), "-1")]
)
def test_what_does_not_fit_is_refused(flag: FlagState, typed: str) -> None:
    with pytest.raises(UnknownFlag, match=r"toy\.x"):
        flag.read(typed)


def test_a_limit_that_the_gateway_does_not_take_is_refused_before_it_is_set() -> None:
    limit = replace(state(10), name="gateway.rate_per_s")
    with pytest.raises(UnknownFlag, match=f"from 0 to {MAX_RATE}"):
        limit.read("200000")
    assert RateLimits(per_s=int(limit.read(str(MAX_RATE)))).per_s == MAX_RATE
