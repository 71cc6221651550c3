"""Every toxic's effect appears and goes away, on real sockets. Lower bounds are hard, upper ones forgiving."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.wire_parts import Wire, ask, line_to, read, read_all, seconds_until_end, upstream, wire

pytestmark = pytest.mark.servers

SLOW_S = 10.0
"""What no effect here takes even on a very busy machine."""
HARD = 0.999
"""Of a lower bound: two clocks and a rounding."""


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def running(request: pytest.FixtureRequest) -> Iterator[Wire]:
    with wire("--seed", "7", uvloop=request.param == "uvloop") as started:
        yield started


class Proxied:
    """An echo server behind the wire."""

    def __init__(self, api: Wire, address: tuple[str, int]) -> None:
        self.address, self._api = address, api

    def add(self, kind: str, stream: str = "downstream", toxicity: float = 1, **attributes: int) -> str:
        """A toxic; its name."""
        body = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        name: str = self._api.do("POST", "/proxies/echo/toxics", body)["name"]
        return name

    def change(self, name: str, **body: Any) -> None:
        self._api.do("PATCH", f"/proxies/echo/toxics/{name}", body)

    def remove(self, name: str) -> None:
        self._api.do("DELETE", f"/proxies/echo/toxics/{name}")

    def enable(self, enabled: bool) -> None:
        self._api.do("POST", "/proxies/echo", {"enabled": enabled})


@pytest.fixture
def echo(running: Wire) -> Iterator[Proxied]:
    with upstream() as server:
        yield Proxied(running, running.proxy("echo", server.address))
        running.do("DELETE", "/proxies/echo")


def test_latency_delays_answers_on_connections_old_and_new_and_goes_away(echo: Proxied) -> None:
    with line_to(echo.address) as old:
        ask(old)
        name = echo.add("latency", latency=300)
        with line_to(echo.address) as new:
            assert all(0.3 * HARD <= ask(line) < SLOW_S for line in (old, new))
        echo.remove(name)
        assert min(ask(old) for _ in range(5)) < 0.3


def test_latency_of_both_directions_adds(echo: Proxied) -> None:
    echo.add("latency", "upstream", latency=100)
    echo.add("latency", "downstream", latency=200)
    with line_to(echo.address) as line:
        assert 0.3 * HARD <= ask(line) < SLOW_S


def test_latency_does_not_delay_the_connect(echo: Proxied) -> None:
    echo.add("latency", latency=20_000)
    echo.add("latency", "upstream", latency=20_000)
    started = time.monotonic()
    with line_to(echo.address):
        assert time.monotonic() - started < SLOW_S


def test_latency_delays_fifty_lines_as_long_as_one(echo: Proxied) -> None:
    echo.add("latency", latency=500)
    with line_to(echo.address) as line:
        started = time.monotonic()
        for _ in range(50):
            line.sendall(b"line\n")
            time.sleep(0.001)
        read(line, 250)
        assert 0.5 * HARD <= time.monotonic() - started < 50 * 0.5 / 2


def test_jitter_varies_the_delay_within_bounds(echo: Proxied) -> None:
    echo.add("latency", latency=60, jitter=50)
    with line_to(echo.address) as line:
        times = [ask(line) for _ in range(20)]
    assert min(times) >= 0.01 * HARD and max(times) - min(times) > 0.02


def test_a_changed_latency_is_felt_at_once(echo: Proxied) -> None:
    name = echo.add("latency", latency=60_000)
    with line_to(echo.address) as line:
        line.sendall(b"ping")
        echo.change(name, attributes={"latency": 10})
        assert read(line, 4) == b"ping"


def test_bandwidth_makes_answers_take_as_long_as_they_are_large(echo: Proxied) -> None:
    with line_to(echo.address) as line:
        name = echo.add("bandwidth", rate=100)
        half, whole = ask(line, b"x" * 30_000), ask(line, b"x" * 60_000)
        assert half >= 0.3 * HARD and 0.6 * HARD <= whole < SLOW_S
        echo.remove(name)
        assert min(ask(line, b"x" * 60_000) for _ in range(3)) < 0.6


def test_bandwidth_0_stalls_and_lets_go_what_it_held(echo: Proxied) -> None:
    name = echo.add("bandwidth")
    with line_to(echo.address) as line:
        line.settimeout(0.3)
        line.sendall(b"ping")
        with pytest.raises(TimeoutError):
            line.recv(1)
        echo.remove(name)
        line.settimeout(SLOW_S)
        assert read(line, 4) == b"ping"


def test_slow_close_delays_the_end_but_not_the_data(echo: Proxied) -> None:
    def close() -> float:
        with line_to(echo.address) as line:
            ask(line)
            line.shutdown(socket.SHUT_WR)
            return seconds_until_end(line)

    name = echo.add("slow_close", delay=700)
    assert 0.7 * HARD <= close() < SLOW_S
    echo.remove(name)
    assert min(close() for _ in range(3)) < 0.7


def test_timeout_is_silent_and_then_closes(echo: Proxied) -> None:
    with line_to(echo.address) as line:
        ask(line)
        name = echo.add("timeout", timeout=500)
        started = time.monotonic()
        line.sendall(b"ping")
        assert read_all(line) == b"" and 0.49 <= time.monotonic() - started < SLOW_S
    echo.remove(name)
    with line_to(echo.address) as line:
        ask(line)


def test_timeout_0_holds_until_its_removal_closes(echo: Proxied) -> None:
    name = echo.add("timeout", "upstream")
    with line_to(echo.address) as line:
        line.sendall(b"ping")
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.settimeout(SLOW_S)
        echo.remove(name)
        assert read_all(line) == b""


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
@pytest.mark.parametrize("existing", [True, False])
def test_reset_peer_resets_after_the_first_bytes_and_its_time(echo: Proxied, stream: str, existing: bool) -> None:
    name = "" if existing else echo.add("reset_peer", stream, timeout=300)
    with line_to(echo.address) as line, line_to(echo.address) as idle:
        if existing:
            ask(line)
            ask(idle)
            name = echo.add("reset_peer", stream, timeout=300)
        started = time.monotonic()
        line.sendall(b"ping")
        with pytest.raises(ConnectionResetError):
            line.recv(1)
        assert 0.3 * HARD <= time.monotonic() - started < SLOW_S
        echo.remove(name)
        ask(idle)


def test_slicer_sends_crumbs_with_pauses(echo: Proxied) -> None:
    name = echo.add("slicer", average_size=64, size_variation=16, delay=10_000)
    with line_to(echo.address) as line:
        sliced = ask(line, b"x" * 1024)
        assert 15 * 0.01 * HARD <= sliced < SLOW_S
        echo.remove(name)
        assert min(ask(line, b"x" * 1024) for _ in range(3)) < sliced


def test_limit_data_breaks_off_after_exactly_so_many_bytes(echo: Proxied) -> None:
    name = echo.add("limit_data", bytes=10)
    with line_to(echo.address) as line:
        ask(line, b"abcd")
        line.sendall(b"efghijklmnopqrst")
        assert read_all(line) == b"efghij"
    echo.remove(name)
    with line_to(echo.address) as line:
        ask(line, b"x" * 1000)


def test_noop_does_nothing(echo: Proxied) -> None:
    echo.add("noop")
    with line_to(echo.address) as line:
        ask(line, b"x" * 1000)


def test_a_disabled_proxy_ends_connections_refuses_new_ones_and_comes_back(echo: Proxied) -> None:
    with line_to(echo.address) as line:
        ask(line)
        echo.enable(False)
        assert read_all(line) == b""
    with pytest.raises(ConnectionRefusedError), line_to(echo.address):
        pass
    echo.enable(True)
    with line_to(echo.address) as line:
        ask(line)


def test_an_upstream_that_is_not_there_shows_as_the_end_of_the_stream(running: Wire) -> None:
    address = running.proxy("nobody", "127.0.0.1:1")
    try:
        with line_to(address) as line:
            assert read_all(line) == b""
    finally:
        running.do("DELETE", "/proxies/nobody")


def test_half_the_toxicity_hits_about_half_of_the_connections_and_always_the_same(echo: Proxied) -> None:
    echo.add("latency", toxicity=0.5, latency=1000)

    def slow_twice(_: int) -> tuple[bool, bool]:
        with line_to(echo.address) as line:
            return ask(line) >= HARD, ask(line) >= HARD

    with ThreadPoolExecutor(40) as pool:
        slow = list(pool.map(slow_twice, range(40)))
    assert all(first == second for first, second in slow)
    assert 8 <= sum(first for first, _ in slow) <= 32


def test_toxics_chain(echo: Proxied) -> None:
    echo.add("latency", latency=200)
    echo.add("limit_data", bytes=6)
    echo.add("slow_close", delay=200)
    with line_to(echo.address) as line:
        started = time.monotonic()
        line.sendall(b"12345678")
        assert read_all(line) == b"123456"
        assert time.monotonic() - started >= 0.4 * HARD


def test_toxics_come_and_go_while_bytes_flow_and_none_is_lost(echo: Proxied) -> None:
    data = bytes(range(256)) * 8_000
    with line_to(echo.address) as line:
        sender = threading.Thread(target=line.sendall, args=(data,))
        sender.start()
        received = read(line, 100_000)
        for kind, attributes in (("latency", {"latency": 30}), ("slicer", {"average_size": 5000}), ("noop", {})):
            names = [echo.add(kind, stream, **attributes) for stream in ("upstream", "downstream")]
            received += read(line, 300_000)
            for name in names:
                echo.remove(name)
        received += read(line, len(data) - len(received))
        sender.join(30)
        assert received == data
