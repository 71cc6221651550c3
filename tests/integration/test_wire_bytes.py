"""Bytes pass complete and in order, ends pass as ends, and a slow receiver is felt by the sender."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.wire_parts import Wire, ask, line_to, read, read_all, upstream, wire

pytestmark = pytest.mark.servers

TOXICS = {
    "nothing": {},
    "latency": {"latency": 3, "jitter": 3},
    "slicer": {"average_size": 50, "size_variation": 30},
}
CHUNKS = st.lists(st.integers(1, 3000), max_size=12)


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def running(request: pytest.FixtureRequest) -> Iterator[Wire]:
    with wire(uvloop=request.param == "uvloop") as started:
        yield started


@pytest.fixture
def echo(running: Wire) -> Iterator[tuple[str, int]]:
    with upstream() as server:
        yield running.proxy("echo", server.address)
        running.do("DELETE", "/proxies/echo")


@pytest.mark.parametrize("kind", TOXICS)
def test_any_chunks_arrive_complete_and_in_order_after_a_half_close(
    running: Wire, echo: tuple[str, int], kind: str
) -> None:
    if kind != "nothing":
        for stream in ("upstream", "downstream"):
            body = {"type": kind, "stream": stream, "attributes": TOXICS[kind]}
            running.do("POST", "/proxies/echo/toxics", body)

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(sizes=CHUNKS, seed=st.integers())
    def holds(sizes: list[int], seed: int) -> None:
        chunks = [random.Random(seed + at).randbytes(size) for at, size in enumerate(sizes)]
        with line_to(echo) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for chunk in chunks:
                line.sendall(chunk)
            line.shutdown(socket.SHUT_WR)
            assert read_all(line) == b"".join(chunks)

    holds()


def test_an_answer_longer_than_all_buffers_arrives_after_a_half_close(running: Wire) -> None:
    answer = random.Random(1).randbytes(5_000_000)

    def after_the_question(line: socket.socket) -> None:
        assert read_all(line) == b"question"
        line.sendall(answer)

    with upstream(after_the_question) as server, line_to(running.proxy("answers", server.address)) as line:
        line.sendall(b"question")
        line.shutdown(socket.SHUT_WR)
        assert read_all(line) == answer
    running.do("DELETE", "/proxies/answers")


def test_an_upstream_may_end_first_and_still_listen(running: Wire) -> None:
    heard: list[bytes] = []

    def ends_first(line: socket.socket) -> None:
        line.sendall(b"bye")
        line.shutdown(socket.SHUT_WR)
        heard.append(read_all(line))

    with upstream(ends_first) as server:
        with line_to(running.proxy("ends", server.address)) as line:
            assert read_all(line) == b"bye"
            line.sendall(b"but wait")
        wait_for(lambda: heard == [b"but wait"])
    running.do("DELETE", "/proxies/ends")


def test_a_client_that_is_gone_is_noticed_by_the_upstream(running: Wire) -> None:
    ended = threading.Event()

    def until_the_end(line: socket.socket) -> None:
        try:
            read_all(line)
        finally:
            ended.set()

    with upstream(until_the_end) as server:
        with line_to(running.proxy("gone", server.address)) as line:
            line.sendall(b"x")
        assert ended.wait(30)
    running.do("DELETE", "/proxies/gone")


def test_what_is_said_before_the_upstream_answers_the_connect_is_kept(running: Wire) -> None:
    """An upstream with a full backlog: the client's bytes come long before the wire is connected."""
    with socket.socket() as slow:
        slow.bind(("127.0.0.1", 0))
        slow.listen(0)
        where = slow.getsockname()
        address = running.proxy("slow", f"127.0.0.1:{where[1]}")
        with ExitStack() as stack:
            fillers = [stack.enter_context(socket.socket()) for _ in range(3)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(where)
            line = stack.enter_context(line_to(address))
            line.sendall(b"early")
            time.sleep(0.2)
            slow.settimeout(30)
            heard = b""
            while heard != b"early":
                accepted, _ = slow.accept()
                with accepted:
                    accepted.settimeout(0.2)
                    try:
                        heard = accepted.recv(10)
                    except TimeoutError:
                        pass  # one of the fillers
    running.do("DELETE", "/proxies/slow")


@pytest.mark.parametrize("toxic", ["", "noop", "latency"])
def test_a_receiver_that_does_not_read_stops_the_sender(running: Wire, toxic: str) -> None:
    reading = threading.Event()
    heard: list[int] = []

    def reads_late(line: socket.socket) -> None:
        reading.wait(60)
        heard.append(len(read_all(line)))

    with upstream(reads_late) as server, line_to(running.proxy("late", server.address)) as line:
        if toxic:
            running.do("POST", "/proxies/late/toxics", {"type": toxic, "stream": "upstream"})
        sent = send_until_it_stops(line)
        assert sent < 60_000_000
        reading.set()
        line.shutdown(socket.SHUT_WR)
        assert read_all(line) == b""
        wait_for(lambda: heard == [sent])
    running.do("DELETE", "/proxies/late")


def test_three_hundred_connections_talk_at_the_same_time(running: Wire, echo: tuple[str, int]) -> None:
    running.do("POST", "/proxies/echo/toxics", {"type": "latency", "attributes": {"latency": 100}})
    with ExitStack() as stack:
        lines = [stack.enter_context(line_to(echo)) for _ in range(300)]
        started = time.monotonic()
        for number, line in enumerate(lines):
            line.sendall(b"%5d" % number)
        assert [int(read(line, 5)) for line in lines] == list(range(300))
        assert time.monotonic() - started < 300 * 0.1 / 2, "they wait side by side"
        running.do("DELETE", "/proxies/echo/toxics/latency_downstream")
        assert all(ask(line) < 30 for line in lines)


def test_nothing_is_left_of_a_connection_when_it_is_over(running: Wire, echo: tuple[str, int]) -> None:
    before = open_files(running)
    with ExitStack() as stack:
        lines = [stack.enter_context(line_to(echo)) for _ in range(50)]
        for line in lines:
            ask(line)
        assert open_files(running) >= before + 100
    wait_for(lambda: open_files(running) <= before)


def open_files(running: Wire) -> int:
    return psutil.Process(running.process.pid).num_fds()


def send_until_it_stops(line: socket.socket) -> int:
    """Bytes sent until a second passes in which none can be."""
    line.settimeout(1)
    sent, block = 0, b"x" * 65_536
    try:
        while sent < 100_000_000:
            sent += line.send(block)
    except TimeoutError:
        pass
    line.settimeout(30)
    return sent


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, "still not so after 30 s"
        time.sleep(0.02)
