"""Bodies are read as Go reads them: lenient about names, strict about types."""

from typing import Any

import pytest

from compose.wire.bodies import first_object, objects, read_fields
from compose.wire.errors import BadRequestBody, InvalidStream, InvalidToxicType
from compose.wire.toxic import Toxic


def nobody(text: str) -> None:
    raise AssertionError(f"an unexpected warning: {text}")


def toxic(**wish: Any) -> dict[str, Any]:
    return Toxic.of(wish, nobody).to_json()


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b"[1]", b"5", b"NaN", b'{"a": Infinity}', b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequestBody):
        first_object(body)


def test_what_follows_the_first_value_is_ignored() -> None:
    assert first_object(b' {"name": "a"} and so on') == {"name": "a"}


def test_null_is_an_empty_object_and_an_empty_array() -> None:
    assert (first_object(b"null"), objects(b"null"), objects(b"[null]")) == ({}, [], [{}])


def test_names_match_in_any_case_and_null_says_nothing() -> None:
    assert read_fields({"NAME": "a", "Listen": None}, {"name": str, "listen": str}, nobody) == {"name": "a"}


@pytest.mark.parametrize("value", [1.5, 1.0, "1", True, 2**63, [], {}])
def test_an_attribute_must_be_a_whole_number(value: object) -> None:
    with pytest.raises(BadRequestBody, match="latency must be a whole number"):
        toxic(type="latency", attributes={"latency": value})


@pytest.mark.parametrize(("name", "value"), [("name", 5), ("toxicity", "1"), ("toxicity", True), ("attributes", [])])
def test_other_fields_have_their_types_too(name: str, value: object) -> None:
    with pytest.raises(BadRequestBody, match=f"{name} must be"):
        toxic(type="latency", **{name: value})


def test_an_unknown_name_is_ignored_with_a_warning() -> None:
    said: list[str] = []
    read_fields({"latencyy": 5}, {"latency": int}, said.append)
    assert said == ["unknown name 'latencyy' ignored; known here: latency"]


def test_a_toxic_has_defaults_for_all_but_its_type() -> None:
    assert toxic(type="latency") == {
        "attributes": {"latency": 0, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
    }


def test_the_stream_is_kept_as_it_was_written() -> None:
    shown = toxic(type="noop", stream="UPSTREAM", toxicity=0.25)
    assert (shown["name"], shown["stream"], shown["toxicity"]) == ("noop_UPSTREAM", "UPSTREAM", 0.25)


def test_an_unknown_stream_is_noticed_before_an_unknown_type() -> None:
    with pytest.raises(InvalidStream):
        toxic(type="nonsense", stream="sideways")
    with pytest.raises(InvalidToxicType):
        toxic(type="nonsense")


def test_a_change_merges_attributes_and_ignores_who_the_toxic_is() -> None:
    changed = Toxic.of({"type": "latency", "attributes": {"latency": 7}}, nobody)
    changed.change(
        {"name": "x", "type": "y", "stream": "z", "attributes": {"JITTER": 2}, "toxicity": 7.5}, lambda _: None
    )
    assert changed.to_json() == toxic(type="latency", attributes={"latency": 7, "jitter": 2}) | {"toxicity": 7.5}


def test_a_refused_change_changes_nothing() -> None:
    changed = Toxic.of({"type": "latency"}, nobody)
    with pytest.raises(BadRequestBody):
        changed.change({"attributes": {"latency": 5}, "toxicity": "much"}, nobody)
    assert changed.to_json() == toxic(type="latency")


@pytest.mark.parametrize(
    ("wish", "doubt"),
    [
        ({"type": "bandwidth"}, "rate 0"),
        ({"type": "slicer"}, "average_size 0"),
        ({"type": "noop", "toxicity": 2}, "between 0 and 1"),
        ({"type": "noop", "name": "a/b"}, "cannot be addressed"),
    ],
)
def test_what_can_hardly_be_meant_is_accepted_with_a_warning(wish: dict[str, Any], doubt: str) -> None:
    said: list[str] = []
    Toxic.of(wish, said.append)
    assert len(said) == 1 and doubt in said[0]
