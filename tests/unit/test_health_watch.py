"""Who leaves the upstream and who stays, as the flags say."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from compose.gateway import Gateway, Server, Upstream
from labs.control import health
from labs.control.health import HealthWatch, ask


class FakeBalancer:
    """Remembers who is out."""

    def __init__(self, addresses: dict[str, str]) -> None:
        servers = tuple(Server(name=name, address=address) for name, address in addresses.items())
        upstreams = (Upstream(service="a", servers=servers),)
        self.told = Gateway(listen="127.0.0.1:1", listen_internal="127.0.0.1:2", data="/tmp/x", upstreams=upstreams)
        self.out: set[str] = set()

    def take_out(self, replicas: set[str], bring_back: set[str]) -> None:
        self.out = (self.out | replicas) - bring_back


@contextmanager
def replicas(ready: dict[str, int]) -> Iterator[dict[str, str]]:
    """Tiny servers: /livez is always 200, /readyz answers as `ready` says. name -> address."""
    servers = []

    def serve(name: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(ready[name] if self.path == "/readyz" else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_port}"

    try:
        yield {name: serve(name) for name in ready}
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def watch(balancer: Any, checks: str, floor: float = 50) -> HealthWatch:
    flags = {"gateway.health_checks": checks, "gateway.health_floor": floor}
    return HealthWatch(balancer, flags.__getitem__, threading.RLock())


def looks(watcher: HealthWatch, times: int = 3) -> None:
    for _ in range(times):
        watcher.look()


@pytest.mark.parametrize(
    ("checks", "floor", "unfit", "out"),
    [
        ("off", 50, {"a-1"}, set()),
        ("shallow", 50, {"a-1"}, set()),
        ("deep", 50, {"a-1"}, {"a-1"}),
        ("deep", 50, {"a-1", "a-2", "a-3"}, set()),
        ("deep", 0, {"a-1", "a-2", "a-3"}, {"a-1", "a-2", "a-3"}),
    ],
)
def test_who_leaves_depends_on_what_is_asked_and_on_how_many_would_be_left(
    checks: str, floor: float, unfit: set[str], out: set[str]
) -> None:
    with replicas({name: 503 if name in unfit else 200 for name in ("a-1", "a-2", "a-3")}) as addresses:
        balancer = FakeBalancer(addresses)
        looks(watch(balancer, checks, floor))
        assert balancer.out == out


def test_one_bad_answer_is_not_enough_and_one_good_one_brings_a_replica_back() -> None:
    ready = {"a-1": 503, "a-2": 200}
    with replicas(ready) as addresses:
        balancer = FakeBalancer(addresses)
        watcher = watch(balancer, "deep")
        watcher.look()
        assert balancer.out == set()
        watcher.look()
        assert balancer.out == {"a-1"}
        ready["a-1"] = 200
        watcher.look()
        assert balancer.out == set()


def test_a_dead_replica_is_unfit() -> None:
    assert ask("127.0.0.1:9", "/livez") == "unfit"


def test_silence_neither_takes_a_replica_out_nor_brings_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    says = {"1.1.1.1:1": "fine", "1.1.1.1:2": "fine"}
    monkeypatch.setattr(health, "ask", lambda address, _path: says[address])
    balancer = FakeBalancer({"a-1": "1.1.1.1:1", "a-2": "1.1.1.1:2"})
    watcher = watch(balancer, "deep")
    outs = []
    for said in ("silent", "silent", "unfit", "silent", "unfit", "silent", "fine"):
        says["1.1.1.1:1"] = said
        watcher.look()
        outs.append("a-1" in balancer.out)
    assert outs == [False, False, False, False, True, True, False]
