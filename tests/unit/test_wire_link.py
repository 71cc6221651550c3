"""A link loses nothing and mixes nothing up, whatever happens to its toxics meanwhile."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compose.wire.exit import EARLY_BYTES
from compose.wire.flow import Ending
from tests.unit.wire_clock import Line, change, run, toxic

LOSSLESS: dict[str, dict[str, st.SearchStrategy[int]]] = {
    "latency": {"latency": st.integers(-5, 300), "jitter": st.integers(-5, 300)},
    "bandwidth": {"rate": st.integers(1, 50)},
    "slow_close": {"delay": st.integers(0, 500)},
    "slicer": {
        "average_size": st.integers(-1, 20),
        "size_variation": st.integers(-1, 20),
        "delay": st.integers(0, 9000),
    },
    "noop": {},
}
EFFECTS = st.sampled_from(sorted(LOSSLESS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.fixed_dictionaries(LOSSLESS[kind]), st.sampled_from([0.0, 0.5, 1.0]))
)
STEPS = st.one_of(
    st.tuples(st.just("say"), st.binary(min_size=1, max_size=400)),
    st.tuples(st.just("add"), EFFECTS),
    st.tuples(st.sampled_from(["remove", "update"]), st.integers(0, 9)),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("sleep"), st.floats(0, 0.5)),
)


async def live(line: Line, steps: list[tuple[str, Any]]) -> bytes:
    """Do all of it; what was said."""
    said, toxics = b"", []
    for step, what in steps:
        if step == "say":
            line.say(what)
            said += what
        elif step == "add":
            kind, attributes, share = what
            toxics.append(toxic(kind, share, **attributes))
            line.link.add(toxics[-1])
        elif step == "remove" and toxics:
            line.link.remove(toxics.pop(what % len(toxics)))
        elif step == "update" and toxics:
            change(line, toxics[what % len(toxics)])
        elif step == "pause":
            line.exit.pause(what)
        elif step == "sleep":
            await asyncio.sleep(what)
    return said


@given(steps=st.lists(STEPS, max_size=40), late=st.booleans())
@settings(deadline=None, max_examples=300)
def test_all_bytes_arrive_in_order_and_then_the_end_whatever_happens_to_the_toxics(
    steps: list[tuple[str, Any]], late: bool
) -> None:
    async def work() -> None:
        line = Line(connected=not late)
        said = await live(line, steps)
        line.link.end(Ending.EOF)
        if late:
            line.exit.open(line.socket)
        line.exit.pause(False)
        await asyncio.sleep(3600)
        assert line.socket.data == said
        assert [what for _, what in line.socket.notes if what in ("eof", "close")] == ["eof"]
        assert line.socket.notes[-1][1] == "eof" and not line.held

    run(work)


@pytest.mark.parametrize("toxicity", [0.0, 0.5, 1.0])
def test_toxicity_is_drawn_once_per_link_and_kept(toxicity: float) -> None:
    async def work() -> None:
        delayed = 0
        for seed in range(200):
            line = Line(toxic("latency", toxicity, latency=100), seed=seed)
            for _ in range(5):
                line.say(b"x")
                await asyncio.sleep(1)
            late = {round(at % 1, 3) for at, _ in line.socket.notes}
            assert len(late) == 1, "a link must not change its mind"
            delayed += late == {0.1}
        assert 200 * toxicity - 40 <= delayed <= 200 * toxicity + 40

    run(work)


def test_an_update_draws_the_toxicity_again() -> None:
    async def work() -> None:
        slow = toxic("latency", 1.0, latency=100)
        line = Line(slow)
        slow.change({"toxicity": 0}, lambda _: None)
        line.link.update(slow)
        line.say(b"x")
        assert line.socket.notes == []
        await asyncio.sleep(0.01)
        assert line.socket.data == b"x"

    run(work)


def test_without_toxics_bytes_go_straight_through() -> None:
    async def work() -> None:
        line = Line()
        line.say(b"x")
        assert line.socket.data == b"x"

    run(work)


def test_bytes_from_before_the_connection_wait_for_it_within_bounds() -> None:
    async def work() -> None:
        line = Line(connected=False)
        line.say(b"x" * (EARLY_BYTES - 1))
        assert not line.held
        line.say(b"xy", end=True)
        assert line.held
        line.exit.open(line.socket)
        assert not line.held
        assert line.socket.data == b"x" * EARLY_BYTES + b"y" and line.socket.notes[-1][1] == "eof"

    run(work)


@pytest.mark.parametrize("toxics", [[], ["noop"]])
def test_a_sink_that_has_enough_holds_the_source(toxics: list[str]) -> None:
    async def work() -> None:
        line = Line(*map(toxic, toxics))
        line.exit.pause(True)
        for _ in range(2000):
            line.say(b"x")
        await asyncio.sleep(0)
        assert line.held
        line.exit.pause(False)
        await asyncio.sleep(0.1)
        assert not line.held and line.socket.data == b"x" * 2000

    run(work)


def test_a_lost_sink_holds_nobody_and_what_comes_is_dropped() -> None:
    async def work() -> None:
        line = Line()
        line.exit.pause(True)
        line.exit.lost()
        line.say(b"x", end=True)
        assert not line.held and line.socket.notes == []

    run(work)


def test_a_half_close_becomes_a_close_when_the_source_is_gone() -> None:
    async def work() -> None:
        line = Line()
        line.link.end(Ending.EOF)
        line.link.end(Ending.CLOSE)
        assert [what for _, what in line.socket.notes] == ["eof", "close"]

    run(work)


def test_a_source_that_goes_while_its_end_is_under_way_is_closed_in_the_end() -> None:
    async def work() -> None:
        line = Line(toxic("slow_close", delay=100))
        line.say(b"x", end=True)
        line.link.end(Ending.CLOSE)
        await asyncio.sleep(1)
        assert line.socket.notes[1:] == [(pytest.approx(0.1), "close")]

    run(work)
