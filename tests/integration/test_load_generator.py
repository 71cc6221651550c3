"""The generator against a small real HTTP server, which can be slow, broken or gone."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, ClassVar
from urllib.parse import urlsplit

import pytest

from labs.load import LoadFailed, LoadResult, constant, run_load, start_load
from labs.load.process import Progress, RunningLoad
from labs.load.request import BOT_ADDRESSES

SKUS = [f"tea-{number:03d}" for number in range(5)]


class Answers(BaseHTTPRequestHandler):
    """A shop of five teas. Class attributes say how it behaves; `seen` is what arrived."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together
    seen: ClassVar[list[tuple[str, str, str]]] = []
    url = ""
    delay_s = 0.0
    behaviour = "fine"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/api/catalog/products":
            return self._answer(200, {"items": [{"sku": sku} for sku in SKUS], "page": 1, "pages": 1, "total": 5})
        self.seen.append((self.command, path, self.headers["X-Forwarded-For"]))
        time.sleep(self.delay_s)
        if self.behaviour == "reset":
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        status = {"fine": 200, "missing": 404, "broken": 503}[self.behaviour]
        self._answer(status, {"sku": "tea-000"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.command, self.path, self.headers["Idempotency-Key"]))
        time.sleep(self.delay_s)
        if self.path == "/api/orders" and self.behaviour == "leads on":
            return self._answer(307, {}, Location="/api/orders-lane")
        self._answer(201, {"order_id": f"order-{len(self.seen)}", "status": "confirmed"})

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.command, self.path, self.headers["Cookie"]))
        self._answer(200, {"items": []})

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _answer(self, status: int, body: object, **headers: str) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Served-By", "catalog-1")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


@pytest.fixture
def shop() -> Iterator[type[Answers]]:
    handler = type("Handler", (Answers,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    yield handler
    server.shutdown()
    server.server_close()


def load(
    shop: type[Answers], mix: str = "products", rate: float = 80, seconds: float = 0.5, **more: float
) -> LoadResult:
    return run_load(shop.url, constant(rate, seconds), mix, **more)  # type: ignore[arg-type]


def doubts(result: LoadResult) -> set[str]:
    return {check.name for check in result.checks() if not check.holds}


def test_every_request_of_a_healthy_shop_is_counted_as_ok(shop: type[Answers]) -> None:
    report = load(shop).to_json()
    assert (report["offered"], report["started"], report["completed"], report["dropped"]) == (40, 40, 40, 0)
    assert report["outcomes"] == {"ok": 40, "http_4xx": 0, "http_5xx": 0, "refused": 0, "reset": 0, "timeout": 0}


def test_the_self_checks_hold_and_the_replica_is_known(shop: type[Answers]) -> None:
    result = load(shop)
    assert doubts(result) <= {"the generator kept up"}  # a busy machine may make it late
    assert {sample.replica for sample in result.samples} == {"catalog-1"}


@pytest.mark.parametrize(
    ("behaviour", "outcome"), [("missing", "http_4xx"), ("broken", "http_5xx"), ("reset", "reset")]
)
def test_bad_answers_are_told_apart(shop: type[Answers], behaviour: str, outcome: str) -> None:
    shop.behaviour = behaviour
    assert load(shop, rate=20).outcomes[outcome] == 10


def test_a_request_without_an_answer_is_a_timeout_that_took_its_time(shop: type[Answers]) -> None:
    shop.delay_s = 1.0
    result = load(shop, rate=10, timeout_s=0.3)
    assert result.outcomes["timeout"] == 5
    assert result.to_json()["latency_ms"]["p50"] >= 300


def test_a_shop_that_is_not_there_is_a_failed_load_not_a_result() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        gone = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(LoadFailed, match="does not answer"):
        run_load(gone, constant(5, 1), "browse")


def test_a_slow_server_does_not_slow_the_arrivals_down(shop: type[Answers]) -> None:
    shop.delay_s = 0.5
    sent = [sample.sent_s for sample in load(shop).samples]
    assert None not in sent and max(sent) < 1.5  # type: ignore[type-var, operator]


def test_a_generator_nobody_listens_to_any_more_ends(shop: type[Answers]) -> None:
    job = {"url": shop.url, "arrivals": [0.1 * n for n in range(1200)], "duration_s": 120.0, "mix": "products"}
    job |= {"seed": 1, "timeout_s": 5.0, "max_in_flight": 100}
    with subprocess.Popen(
        [sys.executable, "-m", "labs.load.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin and worker.stdout
        worker.stdin.write(json.dumps(job) + "\n")
        worker.stdin.close()
        assert "begun" in worker.stdout.readline()
        worker.stdout.close()
        assert worker.wait(30) == 1


def test_arrivals_above_the_limit_in_flight_are_dropped_and_said_so(shop: type[Answers]) -> None:
    shop.delay_s = 1.0
    result = load(shop, max_in_flight=10)
    assert (result.started + result.dropped, result.offered) == (40, 40)
    assert result.dropped >= 20


def test_clients_differ_in_the_third_octet(shop: type[Answers]) -> None:
    load(shop)
    networks = Counter(client.rsplit(".", 1)[0] for _, _, client in shop.seen)
    assert len(networks) > 10 and all(network.startswith("10.77.") for network in networks)


def test_the_same_seed_asks_for_the_same_things(shop: type[Answers]) -> None:
    load(shop, "browse", seed=7)
    first = sorted(shop.seen)
    shop.seen.clear()
    load(shop, "browse", seed=7)
    assert sorted(shop.seen) == first


def test_checkouts_use_fresh_keys_and_keep_the_confirmed_order_ids(shop: type[Answers]) -> None:
    first, second = load(shop, "checkout", rate=20), load(shop, "checkout", rate=20)
    assert len({key for _, _, key in shop.seen}) == 20
    assert len(first.confirmed) == len(second.confirmed) == 10 and first.undecided == []


def test_a_buyer_who_is_sent_on_goes_there_with_the_same_key_and_is_one_request(shop: type[Answers]) -> None:
    shop.behaviour = "leads on"
    result = load(shop, "checkout", rate=1, seconds=1)
    [first, second] = shop.seen
    assert (first[1], second[1], first[2]) == ("/api/orders", "/api/orders-lane", second[2])
    assert [(sample.outcome, sample.status) for sample in result.samples] == [("ok", 201)]


def test_shoppers_send_their_whole_walk_with_one_cart_each(shop: type[Answers]) -> None:
    result = load(shop, "shoppers", rate=20, seconds=6.0)
    assert result.outcomes["ok"] == result.offered == len(shop.seen)
    assert {sample.what for sample in result.samples} == {"home", "search", "page", "cart", "checkout"}
    carts = {cookie for method, _, cookie in shop.seen if method == "PUT"}
    assert len(carts) == result.select(what="cart").offered


def test_a_slow_shop_is_asked_as_much_and_as_early_by_shoppers_as_a_fast_one(shop: type[Answers]) -> None:
    fast = load(shop, "shoppers", rate=20, seconds=2.0)
    shop.delay_s = 1.5
    for _ in range(5):  # a busy machine may make the generator late
        slow = load(shop, "shoppers", rate=20, seconds=2.0)
        assert [s.intended_s for s in slow.samples] == [s.intended_s for s in fast.samples]
        if slow.generator_lag.percentile(90) < 500:
            return
    pytest.fail("a slow shop is asked later each time")


def test_what_bots_did_can_be_told_from_what_people_did(shop: type[Answers]) -> None:
    result = load(shop, "rush", rate=100, seconds=1.0)
    bots, people = result.select(kind="bot"), result.select(kind="buyer")
    assert bots.offered + people.offered == result.offered == 100
    assert set(bots.confirmed) | set(people.confirmed) == set(result.confirmed) and bots.confirmed
    assert {sample.client for sample in bots.samples} <= set(BOT_ADDRESSES)


def test_a_load_ended_early_tells_what_it_measured_and_what_was_still_under_way(shop: type[Answers]) -> None:
    shop.delay_s = 3.0
    heard = threading.Event()
    with start_load(shop.url, constant(20, 60), "products", progress=lambda p: heard.set()) as running:
        assert heard.wait(20)
        shop.delay_s = 0.0
        time.sleep(0.5)
        result = running.end()
    assert result.ended_early and 0 < result.completed < result.started < 20 * 60
    assert doubts(result) <= {"the generator kept up"}  # a busy machine may make it late


def test_an_order_that_was_under_way_at_an_early_end_is_undecided(shop: type[Answers]) -> None:
    shop.delay_s = 3.0
    heard = threading.Event()
    with start_load(shop.url, constant(5, 60), "checkout", progress=lambda p: heard.set()) as running:
        assert heard.wait(20)
        result = running.end()
    assert result.confirmed == [] and len(result.undecided) == result.started > 0


def test_a_load_in_the_background_reports_and_can_be_stopped(shop: type[Answers]) -> None:
    heard: list[Progress] = []
    first = threading.Event()
    with start_load(shop.url, constant(20, 60), "sale", progress=lambda p: (heard.append(p), first.set())[0]):
        assert first.wait(20)
    assert 0 < heard[0].offered < 20 * 60


def test_ctrl_c_while_a_load_begins_leaves_no_generator(shop: type[Answers], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(load: RunningLoad) -> None:
        assert load._process.stdin
        begun.append((load._process, load._process.stdin))
        raise KeyboardInterrupt

    begun: list[tuple[subprocess.Popen[str], IO[str]]] = []
    monkeypatch.setattr(RunningLoad, "_begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start_load(shop.url, constant(20, 60), "products")
    ((generator, orders),) = begun
    orders.close()
    assert generator.returncode is not None
