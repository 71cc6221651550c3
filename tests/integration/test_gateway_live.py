"""Changing the gateway while it serves, starting it, ending it."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from compose.gateway import POLICIES, from_json, to_json, with_down, with_policy, with_replicas
from compose.gateway.live import apply, refresh
from compose.gateway.model import Waits
from compose.gateway.program import Refused, workers_of
from compose.gateway.resolve import Resolver
from tests.integration.test_gateway_harness import Running, ask, free_address, gateway, replica, running

pytestmark = pytest.mark.servers


def test_switching_policies_under_load_drops_no_request() -> None:
    with replica("a-1") as (one, _), replica("a-2") as (two, _), running(f"a={one},{two}") as served:
        spec, done = from_json(served.show()), threading.Event()
        with ThreadPoolExecutor(4) as clients:
            counts = [clients.submit(until, done, served.public) for _ in range(4)]
            for number in range(9):
                apply(with_policy(spec, "a", POLICIES[(number + 1) % 3]), Resolver())
            done.set()
        statuses = [status for each in counts for status in each.result()]
        assert len(statuses) > 40
        assert set(statuses) == {200}


def until(done: threading.Event, address: str) -> list[int | str]:
    """What a client sees that asks again and again, each time on a new connection."""
    seen: list[int | str] = []
    while not done.is_set():
        try:
            seen.append(ask(address, "/api/a/x").status)
        except OSError as error:
            seen.append(repr(error))
        time.sleep(0.005)
    return seen


def test_requests_in_flight_end_on_the_old_workers() -> None:
    with replica("a-1") as (one, _), running(f"a={one}") as served, ThreadPoolExecutor(1) as client:
        patient = replace(from_json(served.show()), waits=Waits(read_s=30.0))
        apply(patient, Resolver())
        slow = client.submit(ask, served.public, "/api/a/x?sleep=4")
        time.sleep(1)
        assert apply(with_policy(patient, "a", "least_conn"), Resolver()).changed
        assert not slow.done()
        assert slow.result().status == 200


def test_a_replica_that_is_taken_out_gets_no_request_after_apply_returned() -> None:
    with replica("a-1") as (one, _), replica("a-2") as (two, _), running(f"a={one},{two}") as served:
        apply(with_down(from_json(served.show()), "a", "a-2"), Resolver())
        assert {ask(served.public, "/api/a/x").headers["x-served-by"] for _ in range(8)} == {"a-1"}


def test_a_service_comes_and_goes_with_its_replicas() -> None:
    with replica("a-1") as (one, _), running("a=") as served:
        empty = from_json(served.show())
        assert ask(served.public, "/api/a/x").status == 503
        apply(with_replicas(empty, "a", {"a-1": one}), Resolver())
        assert ask(served.public, "/api/a/x").status == 200
        apply(empty, Resolver())
        assert ask(served.public, "/api/a/x").status == 503


def test_apply_and_show_speak_json_on_the_command_line() -> None:
    with replica("a-1") as (one, _), running(f"a={one}") as served:
        changed = with_policy(from_json(served.show()), "a", "ip_hash")
        first, second = gateway("apply", to_json(changed)), gateway("apply", to_json(changed))
        assert json.loads(first.stdout)["changed"] and len(json.loads(first.stdout)["workers"]) == 1
        assert json.loads(second.stdout)["changed"] is False
        assert from_json(served.show()) == changed


def test_a_refused_configuration_leaves_the_old_one_serving_and_says_nginxs_reason() -> None:
    with replica("a-1") as (one, _), running(f"a={one}") as served:
        before = served.show()
        wrong = replace(from_json(before), access_log="/nowhere/at/all.log")
        refused = gateway("apply", to_json(wrong))
        assert refused.returncode == 1
        assert 'open() "/nowhere/at/all.log" failed' in refused.stderr
        assert served.show() == before
        assert ask(served.public, "/api/a/x").status == 200


def test_a_listener_that_is_taken_leaves_the_old_one_serving() -> None:
    with replica("a-1") as (one, _), running(f"a={one}") as served, socket.socket() as taken:
        address = free_address()
        taken.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        taken.listen()
        before = served.show()
        with pytest.raises(Refused, match="did not take"):
            apply(replace(from_json(before), listen=address), Resolver())
        assert served.show() == before
        assert ask(served.public, "/api/a/x").status == 200
        assert apply(with_policy(from_json(before), "a", "ip_hash"), Resolver()).changed


def test_apply_without_a_running_gateway_says_so() -> None:
    with running("a=") as served:
        spec = from_json(served.show())
        served.process.send_signal(signal.SIGQUIT)
        served.process.wait(timeout=10)
        with pytest.raises(Refused, match="no nginx runs"):
            apply(with_replicas(spec, "a", {"a-1": "127.0.0.1:9"}), Resolver())


def test_a_spec_that_is_wrong_and_a_command_that_is_unknown_are_told_apart() -> None:
    assert gateway("apply", "{}").returncode == 1
    assert gateway("aply").returncode == 2
    assert gateway("serve", LISTEN="127.0.0.1:80").returncode == 1


def test_with_addresses_nginx_itself_is_the_process_and_no_python_stays() -> None:
    with running("a=127.0.0.1:9") as served:
        assert "nginx: master process" in title(served.process.pid)


def test_with_names_a_parent_stays_and_follows_them() -> None:
    """`localhost` is the name; a refresh that was told another address stands for a container that has moved."""
    with replica("a-1") as (one, _), running(f"a=localhost:{port(one)}", ACCESS_LOG="access.log") as served:
        assert "compose.gateway" in title(served.process.pid)
        apply(with_policy(from_json(served.show()), "a", "least_conn"), Resolver())
        assert refresh(served.data, lambda _host: ["127.0.0.9", "127.0.0.10"])
        assert ask(served.public, "/api/a/x").status == 502
        soon(lambda: ask(served.public, "/api/a/x").status == 200)
        assert "least_conn;" in Path(served.data, "nginx.conf").read_text()


def test_a_name_that_leads_nowhere_is_a_503_and_no_failed_start() -> None:
    with running("a=nobody.invalid:8000", ACCESS_LOG="access.log") as served:
        assert ask(served.public, "/api/a/x").status == 503


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_the_parent_ends_after_the_requests_in_flight(number: signal.Signals) -> None:
    with replica("a-1") as (one, _), running(f"a=localhost:{port(one)}", ACCESS_LOG="access.log") as served:
        ends_gracefully(served, number)


def test_nginx_alone_ends_after_the_requests_in_flight_when_told_to_quit() -> None:
    with replica("a-1") as (one, _), running(f"a={one}") as served:
        ends_gracefully(served, signal.SIGQUIT)


def ends_gracefully(served: Running, number: signal.Signals) -> None:
    with ThreadPoolExecutor(1) as client:
        slow = client.submit(ask, served.public, "/api/a/x?sleep=1.5")
        time.sleep(0.4)
        served.process.send_signal(number)
        assert slow.result().status == 200
    assert served.process.wait(timeout=10) == 0
    assert workers_of(served.process.pid) == {}


def title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def port(address: str) -> str:
    return address.rpartition(":")[2]


def soon(probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not probe():
        assert time.monotonic() < deadline, "it did not happen within 15 s"
        time.sleep(0.05)
