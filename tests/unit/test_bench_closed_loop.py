"""The closed-loop client, fed with answers cut anywhere."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from compose.runtime.verbs import RuntimeFailed
from labs.bench.closed_loop import Connection, Tally, get, post

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LAST = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    """Remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True


def converse(requests: Iterator[bytes], answers: list[bytes]) -> tuple[Wire, Tally]:
    async def main() -> tuple[Wire, Tally]:
        wire, tally = Wire(), Tally()
        following: Callable[[], bytes | None] = lambda: next(requests, None)  # noqa: E731
        connection = Connection(following, tally)
        connection.connection_made(wire)
        for answer in answers:
            connection.data_received(answer)
        connection.connection_lost(None)
        return wire, tally

    return asyncio.run(main())


def test_the_next_request_goes_out_when_the_answer_is_whole() -> None:
    wire, tally = converse(iter([b"1", b"2", b"3"]), [OK[:10], OK[10:-1], OK[-1:], OK])
    assert wire.sent == [b"1", b"2", b"3"]
    assert tally.statuses == {200: 2}


def test_a_connection_closes_when_nothing_is_left_to_ask() -> None:
    wire, tally = converse(iter([b"1"]), [OK])
    assert wire.closed and tally.broken == 0


def test_a_server_that_says_it_closes_gets_no_further_request_on_that_connection() -> None:
    wire, _ = converse(iter([b"1", b"2"]), [LAST])
    assert wire.sent == [b"1"] and wire.closed


def test_a_connection_lost_with_a_request_under_way_counts_as_broken() -> None:
    _, tally = converse(iter([b"1"]), [OK[:20]])
    assert tally.broken == 1


def test_a_rate_of_answers_that_were_not_wanted_is_no_rate() -> None:
    tally = Tally(seconds=2.0)
    tally.statuses[200] = 10
    assert tally.rate(200) == 5
    tally.statuses[503] = 1
    with pytest.raises(RuntimeFailed, match="503"):
        tally.rate(200)


def test_requests_are_plain_http() -> None:
    assert get("h:1", "/a") == b"GET /a HTTP/1.1\r\nHost: h:1\r\n\r\n"
    assert get("h:1", "/a", X_B="c").endswith(b"Host: h:1\r\nX-B: c\r\n\r\n")
    sent = post("h:1", "/o", b"{}", Idempotency_Key="k")
    assert b"\r\nIdempotency-Key: k\r\n" in sent and sent.endswith(b"\r\nContent-Length: 2\r\n\r\n{}")
