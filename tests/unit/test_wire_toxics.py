"""What each toxic does to a stream, to the millisecond, on a clock that does not wait."""

import asyncio

import pytest

from compose.wire.flow import FULL_BYTES, Ending
from compose.wire.toxics.slicer import Slicer
from tests.unit.wire_clock import Line, change, run, toxic


def test_latency_delays_fifty_lines_as_long_as_one() -> None:
    async def work() -> Line:
        line = Line(toxic("latency", latency=1000))
        line.say(*[b"line\n"] * 50, end=True)
        await asyncio.sleep(2)
        return line

    line = run(work)
    assert line.socket.times == [1.0] * 51
    assert line.socket.notes[-1][1] == "eof"


def test_jitter_stays_within_its_bounds_and_keeps_the_order() -> None:
    async def work() -> list[tuple[float, bytes | str]]:
        line = Line(toxic("latency", latency=100, jitter=40))
        for number in range(100):
            line.say(b"%d," % number)
            await asyncio.sleep(1)
        return line.socket.notes

    notes = run(work)
    delays = [at - number for number, (at, _) in enumerate(notes)]
    assert 0.059 < min(delays) < 0.08 and 0.12 < max(delays) < 0.141
    assert [what for _, what in notes] == [b"%d," % number for number in range(100)]


def test_jitter_larger_than_the_latency_never_goes_back_in_time() -> None:
    async def work() -> Line:
        line = Line(toxic("latency", latency=10, jitter=1000))
        line.say(*[b"x"] * 20)
        await asyncio.sleep(3)
        return line

    assert run(work).socket.data == b"x" * 20


def test_delays_of_a_chain_add() -> None:
    async def work() -> Line:
        line = Line(toxic("latency", latency=100), toxic("latency", latency=200), toxic("slow_close", delay=50))
        line.say(b"x", end=True)
        await asyncio.sleep(1)
        return line

    assert run(work).socket.times == [0.3, 0.35]


def test_an_update_is_felt_by_what_is_already_waiting() -> None:
    async def work() -> Line:
        slow = toxic("latency", latency=10_000)
        line = Line(slow)
        line.say(b"x")
        await asyncio.sleep(1)
        change(line, slow, latency=1500)
        await asyncio.sleep(1)
        return line

    assert run(work).socket.times == [1.5]


def test_removing_a_toxic_lets_go_what_it_held() -> None:
    async def work() -> Line:
        slow = toxic("latency", latency=10_000)
        line = Line(slow)
        line.say(b"a", b"b", end=True)
        await asyncio.sleep(1)
        line.link.remove(slow)
        return line

    line = run(work)
    assert (line.socket.data, line.socket.times) == (b"ab", [1.0] * 3)


def test_bandwidth_sends_a_tenth_of_a_second_worth_at_a_time() -> None:
    async def work() -> Line:
        line = Line(toxic("bandwidth", rate=100))
        line.say(b"x" * 65_536, end=True)
        await asyncio.sleep(2)
        return line

    line = run(work)
    assert line.socket.times == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.655, 0.655]
    assert len(line.socket.notes[0][1]) == 10_000


def test_bandwidth_does_not_save_up_what_was_not_used() -> None:
    async def work() -> Line:
        line = Line(toxic("bandwidth", rate=1))
        await asyncio.sleep(60)
        line.say(b"x" * 100)
        await asyncio.sleep(1)
        return line

    assert run(work).socket.times == [60.1]


def test_rate_0_stalls_until_there_is_a_rate() -> None:
    async def work() -> Line:
        thin = toxic("bandwidth", rate=0)
        line = Line(thin)
        line.say(b"x" * 1000)
        await asyncio.sleep(100)
        change(line, thin, rate=10)
        await asyncio.sleep(1)
        return line

    assert run(work).socket.times == [100.1]


def test_slow_close_delays_the_end_only() -> None:
    async def work() -> Line:
        line = Line(toxic("slow_close", delay=700))
        line.say(b"x", end=True)
        await asyncio.sleep(1)
        return line

    assert run(work).socket.times == [0.0, 0.7]


def test_timeout_drops_everything_and_closes_when_it_is_silent_long_enough() -> None:
    async def work() -> Line:
        line = Line(toxic("timeout", timeout=500))
        for _ in range(4):
            line.say(b"x")
            await asyncio.sleep(0.4)
        await asyncio.sleep(1)
        return line

    line = run(work)
    assert line.socket.notes[0][1] == "close" and line.socket.times == [1.7]


def test_timeout_0_holds_also_the_end_until_it_is_removed_and_then_closes() -> None:
    async def work() -> Line:
        deaf = toxic("timeout")
        line = Line(deaf)
        line.say(b"x", end=True)
        await asyncio.sleep(3600)
        assert line.socket.notes == []
        line.link.remove(deaf)
        return line

    assert run(work).socket.notes == [(3600.0, "close")]


def test_removing_a_timeout_spares_the_links_it_did_not_work_on() -> None:
    async def work() -> Line:
        deaf = toxic("timeout", toxicity=0)
        line = Line(deaf)
        await asyncio.sleep(1)
        line.link.remove(deaf)
        line.say(b"x")
        return line

    assert run(work).socket.notes == [(1.0, b"x")]


def test_reset_peer_waits_for_the_first_bytes_and_then_its_time() -> None:
    async def work() -> list[Ending]:
        line = Line(toxic("reset_peer", timeout=300))
        await asyncio.sleep(60)
        line.say(b"x")
        await asyncio.sleep(0.299)
        assert line.endings == []
        await asyncio.sleep(0.002)
        assert line.socket.data == b""
        return line.endings

    assert run(work) == [Ending.RESET]


def test_slicer_makes_sixteen_pieces_of_a_kilobyte_and_waits_after_each() -> None:
    async def work() -> Line:
        line = Line(toxic("slicer", average_size=64, size_variation=16, delay=10_000))
        line.say(b"x" * 1024, end=True)
        await asyncio.sleep(1)
        return line

    line = run(work)
    assert line.socket.data == b"x" * 1024
    assert 0.16 <= line.socket.times[-1] <= 0.4
    assert all(len(what) <= 80 for _, what in line.socket.notes[:-1])


@pytest.mark.parametrize("average", [1, 2, 7, 100])
@pytest.mark.parametrize("variation", [-3, 0, 1, 50])
@pytest.mark.parametrize("whole", [1, 2, 3, 1000])
def test_slices_are_never_empty_and_sum_to_the_whole(average: int, variation: int, whole: int) -> None:
    sizes = list(Slicer(average, variation).sizes(whole))
    assert sum(sizes) == whole and min(sizes) > 0


@pytest.mark.parametrize("average", [0, -5])
def test_slicer_without_a_size_slices_nothing(average: int) -> None:
    assert list(Slicer(average, 10).sizes(1000)) == [1000]


def test_limit_data_passes_exactly_so_many_bytes_and_closes() -> None:
    async def work() -> Line:
        line = Line(toxic("limit_data", bytes=10))
        line.say(b"abcd")
        await asyncio.sleep(1)
        line.say(b"efghijklmnop")
        await asyncio.sleep(1)
        return line

    line = run(work)
    assert (line.socket.data, line.socket.notes[-1][1]) == (b"abcdefghij", "close")


def test_limit_data_remembers_what_has_passed_when_it_is_updated() -> None:
    async def work() -> Line:
        limit = toxic("limit_data", bytes=10)
        line = Line(limit)
        line.say(b"abcdefgh")
        await asyncio.sleep(1)
        change(line, limit, bytes=12)
        line.say(b"ijklmnop")
        await asyncio.sleep(1)
        return line

    assert run(work).socket.data == b"abcdefghijkl"


def test_limit_data_0_closes_at_the_first_byte_and_not_before() -> None:
    async def work() -> Line:
        line = Line(toxic("limit_data"))
        await asyncio.sleep(5)
        line.say(b"x")
        await asyncio.sleep(5)
        return line

    assert run(work).socket.notes == [(5.0, "close")]


def test_the_bytes_before_a_limit_survive_a_latency_behind_it() -> None:
    async def work() -> Line:
        line = Line(toxic("limit_data", bytes=3), toxic("latency", latency=100))
        line.say(b"abcdef")
        await asyncio.sleep(1)
        return line

    assert run(work).socket.notes == [(pytest.approx(0.1), b"abc"), (pytest.approx(0.1), "close")]


def test_what_waits_is_bounded_and_the_source_is_held() -> None:
    async def work() -> None:
        line = Line(toxic("latency", latency=1000))
        for _ in range(FULL_BYTES // 100_000):
            assert not line.held
            line.say(b"x" * 100_000)
        assert line.held
        await asyncio.sleep(2)
        assert not line.held

    run(work)
