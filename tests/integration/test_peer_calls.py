"""Calling a peer that misbehaves, over real sockets: every wait ends, and nothing is made worse by trying."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from services.common import deadline
from services.common.errors import Invalid, Refused, ShopError, TimedOut, Unavailable
from services.common.http import Peers
from services.common.protection import Knob, preset
from tests.integration.misbehaving import misbehaving

pytestmark = pytest.mark.servers

PATH = "/api/any"
HURRIED = {"peer_attempt_s": "2", "peer_total_s": "30"}


def without(*names: str) -> Knob:
    return lambda name: False if name in names else preset(name)


def seconds(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    with suppress(ShopError):
        work()
    return time.monotonic() - began


@pytest.fixture(autouse=True)
def nobody_waits() -> Iterator[None]:
    """A deadline that a failed test has set is none of the next one's."""
    yield
    deadline.forget()


def test_a_safe_call_asks_again_while_the_first_one_hangs() -> None:
    with misbehaving("hang", "ok", **HURRIED) as (peers, peer):
        assert seconds(lambda: peers.get(PATH)) < 20
        assert peer.asked == ["GET", "GET"]


def test_a_call_that_is_not_safe_is_made_once_and_has_all_the_time() -> None:
    with misbehaving("slow", peer_attempt_s="0.1") as (peers, peer):
        peers.call("POST", PATH)
        assert peer.asked == ["POST"]


def test_who_gives_more_time_than_usual_gets_the_slow_answer() -> None:
    with misbehaving("slow", peer_attempt_s="0.1") as (peers, peer):
        peers.call("POST", PATH, safe=True, total_s=60)
        assert peer.asked == ["POST"]


@pytest.mark.parametrize("trouble", ["hang", "drip", "breaks_off"])
def test_what_may_not_be_repeated_ends_in_time_as_timed_out(trouble: str) -> None:
    with misbehaving(trouble) as (peers, peer):
        began = time.monotonic()
        with pytest.raises(TimedOut):
            peers.call("POST", PATH, total_s=0.3)
        assert time.monotonic() - began < 10
        assert peer.asked == ["POST"]


def test_headers_that_come_late_do_not_give_the_body_the_same_time_once_more() -> None:
    with misbehaving("late") as (peers, _):
        assert any(1.4 < seconds(lambda: peers.call("POST", PATH, total_s=1.6)) < 2.8 for _ in range(4))


def test_what_is_refused_on_purpose_is_not_asked_for_again_and_opens_no_circuit() -> None:
    with misbehaving("refused", breaker_failures="1") as (peers, peer):
        for _ in range(3):
            with pytest.raises(Refused):
                peers.get(PATH)
        assert (len(peer.asked), peers.protection(PATH).breaker.state) == (3, "closed")


def test_a_closed_door_after_a_timeout_does_not_mean_that_nothing_happened() -> None:
    with misbehaving("hang", "unavailable", **HURRIED) as (peers, _), pytest.raises(TimedOut):
        peers.get(PATH)


def test_who_is_sent_on_asks_there_with_the_same_body_and_key() -> None:
    with misbehaving("sent_on", "ok") as (peers, peer):
        assert peers.call("POST", PATH, {"a": 1}, key="k") == {}
        assert (peer.asked, peer.paths) == (["POST", "POST"], [PATH, "/api/other"])
        assert [(each["Content-Length"], each["Idempotency-Key"]) for each in peer.headers] == [("8", "k")] * 2
        assert len(peer.connections) == 1


def test_nobody_is_followed_out_of_the_shop() -> None:
    with misbehaving("sent_away") as (peers, peer), pytest.raises(Invalid):
        peers.call("POST", PATH)
    assert len(peer.asked) == 1


@pytest.mark.parametrize("answer", ["ok", "unavailable"])
def test_one_connection_serves_one_call_after_the_other(answer: str) -> None:
    with misbehaving(answer) as (peers, peer):
        for _ in range(4):
            seconds(lambda: peers.call("POST", PATH))
        assert (len(peer.asked), len(peer.connections)) == (4, 1)


def test_when_everything_fails_the_budget_bounds_the_retries() -> None:
    with misbehaving("unavailable", knob=without("breaker")) as (peers, peer), ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: seconds(lambda: peers.get(PATH)), range(100)))
        assert 100 < len(peer.asked) <= 100 + 0.1 * 100 + 10


def test_without_a_budget_every_call_is_made_three_times() -> None:
    with misbehaving("unavailable", knob=without("breaker", "retry_budget")) as (peers, peer):
        for _ in range(15):
            seconds(lambda: peers.get(PATH))
        assert len(peer.asked) == 45


def fail(peers: Peers, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable):
            peers.call("POST", PATH)


def test_an_open_circuit_asks_nobody_and_one_trial_closes_it() -> None:
    with misbehaving(*["unavailable"] * 5, "ok", breaker_wait_s="2") as (peers, peer):
        fail(peers, 5)
        with pytest.raises(Refused):
            peers.call("POST", PATH)
        assert len(peer.asked) == 5
        time.sleep(2)
        peers.call("POST", PATH)
        assert (len(peer.asked), peers.protection(PATH).breaker.state) == (6, "closed")


def test_each_peer_has_a_circuit_of_its_own() -> None:
    with misbehaving(*["unavailable"] * 5, "ok") as (peers, _):
        fail(peers, 5)
        assert peers.get("/internal/other/thing") == {}


def test_one_peer_never_has_more_calls_than_its_places() -> None:
    with (
        misbehaving("hang", peer_at_once="2", peer_queue_s="0.05") as (peers, peer),
        ThreadPoolExecutor(8) as threads,
    ):
        assert sum(threads.map(lambda _: refused(peers), range(8))) == 6
        assert (peer.most_at_once, len(peer.asked)) == (2, 2)


def refused(peers: Peers) -> bool:
    """Is a call refused, or does it hang?"""
    try:
        peers.call("POST", PATH, total_s=5)
    except ShopError as error:
        return isinstance(error, Refused)
    return False


def test_a_call_says_how_long_it_waits_and_never_longer_than_its_own_caller() -> None:
    with misbehaving("ok") as (peers, peer):
        peers.call("POST", PATH)
        deadline.obey({"HTTP_X_TIME_LEFT_MS": "9000"})
        peers.call("POST", PATH)
        deadline.obey({"HTTP_X_TIME_LEFT_MS": "1"})
        time.sleep(0.01)
        with pytest.raises(Refused):
            peers.call("POST", PATH)
        deadline.forget()
        told = [int(headers["X-Time-Left-Ms"]) for headers in peer.headers]
        assert 20_000 < told[0] <= 30_000
        assert 0 < told[1] <= 9000


def test_with_deadlines_switched_off_nobody_is_told_anything() -> None:
    with misbehaving("ok", knob=without("deadlines")) as (peers, peer):
        peers.get(PATH)
        assert "X-Time-Left-Ms" not in peer.headers[0]
