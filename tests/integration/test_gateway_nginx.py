"""The rendered gateway in real nginx, in front of tiny real servers."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compose.gateway import (
    LIMITED,
    POLICIES,
    Gateway,
    RateLimits,
    Server,
    Upstream,
    from_json,
    with_policy,
    with_weight,
)
from compose.gateway.live import apply
from compose.gateway.program import check, workers_user
from compose.gateway.render import render
from compose.gateway.resolve import Resolver
from tests.integration.test_gateway_harness import Answer, Running, ask, folder, free_address, replica, running

pytestmark = pytest.mark.servers

IDLE_PORT = "127.0.0.1:9"  # the discard port: nobody listens there, so connections are refused


@dataclass(frozen=True)
class Shop:
    gateway: Running
    addresses: dict[str, str]

    def get(self, path: str, **headers: str) -> Answer:
        return ask(self.gateway.public, path, **headers)

    def inside(self, path: str, **headers: str) -> Answer:
        return ask(self.gateway.internal, path, **headers)

    def hits(self, name: str) -> dict[str, int]:
        return ask(self.addresses[name], "/hits").json  # type: ignore[return-value]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Two catalog replicas, one of everything else; `payments` refuses connections, `orders` has no replica."""
    with ExitStack() as stack:
        names = ("storefront-1", "catalog-1", "catalog-2", "inventory-1")
        at = {name: stack.enter_context(replica(name))[0] for name in names}
        upstreams = (
            f"storefront={at['storefront-1']} catalog={at['catalog-1']},{at['catalog-2']} "
            f"inventory={at['inventory-1']} payments={IDLE_PORT} orders="
        )
        yield Shop(stack.enter_context(running(upstreams)), at)


def who(answer: Answer) -> str:
    return answer.headers["x-served-by"].rpartition("-")[0] or answer.headers["x-served-by"]


@pytest.mark.parametrize(
    ("path", "public", "internal"),
    [
        ("/", "storefront", "storefront"),
        ("/products/tea-001", "storefront", "storefront"),
        ("/static/shop.css", "storefront", "storefront"),
        ("/api/catalog/products?q=tea&page=2", "catalog", "catalog"),
        ("/api/inventory/tea-001", "inventory", "inventory"),
        ("/api/inventory", "inventory", "inventory"),
        ("/internal/inventory/reservations", "gateway", "inventory"),
        ("/internal/catalog/x", "gateway", "catalog"),
        ("/internal/nobody/x", "gateway", "gateway"),
        ("/api/nobody/x", "gateway", "gateway"),
        ("/livez", "gateway", "gateway"),
        ("/readyz", "gateway", "gateway"),
        ("/metrics", "gateway", "gateway"),
        ("/nginx_status", "storefront", "gateway"),
    ],
)
def test_a_path_leads_to_its_service_on_both_listeners(shop: Shop, path: str, public: str, internal: str) -> None:
    assert (who(shop.get(path)), who(shop.inside(path))) == (public, internal)


@pytest.mark.parametrize(
    "path",
    [
        "/internal/catalog/x",
        "//internal/catalog/x",
        "/%69nternal/catalog/x",
        "/x/../internal/catalog/x",
        "/api/catalog/../../internal/catalog/x",
        "/api/catalog/..%2f..%2finternal/catalog/x",
    ],
)
def test_no_spelling_of_an_internal_path_gets_through_the_public_listener(shop: Shop, path: str) -> None:
    answer = shop.get(path)
    assert (answer.status, who(answer)) == (404, "gateway")


def test_a_path_reaches_the_service_letter_by_letter(shop: Shop) -> None:
    path = "/api/catalog/products/a%20b?q=%C3%A9&x=1"
    assert shop.get(path).json["path"] == path


def test_a_request_keeps_its_callers_id(shop: Shop) -> None:
    answer = shop.get("/api/catalog/x", X_Request_Id="learner-7")
    assert answer.headers["x-request-id"] == answer.json["headers"]["x-request-id"] == "learner-7"  # type: ignore[index]


def test_a_request_without_a_plausible_id_gets_one(shop: Shop) -> None:
    ids = [shop.get("/api/catalog/x", X_Request_Id=given).headers["x-request-id"] for given in ("", 'a"b', "x" * 65)]
    assert all(len(made) == 32 for made in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize(("header", "value"), [("X-Tier", "checkout"), ("X-Time-Left-Ms", "20")])
def test_only_services_say_how_much_a_request_matters_and_how_long_it_is_worked_on(
    shop: Shop, header: str, value: str
) -> None:
    seen = [get("/api/catalog/x", **{header: value}).json["headers"] for get in (shop.get, shop.inside)]
    assert [headers.get(header.lower()) for headers in seen] == [None, value]  # type: ignore[attr-defined]


def test_errors_carry_the_id_and_the_name_of_who_made_them_too(shop: Shop) -> None:
    answer = shop.get("/api/payments/x", X_Request_Id="learner-8")
    assert (answer.headers["x-request-id"], answer.headers["x-served-by"]) == ("learner-8", "gateway")
    assert answer.json["instance"] == "learner-8"


@pytest.mark.parametrize(("path", "status"), [("/api/payments/x", 502), ("/api/orders", 503), ("/api/nobody/x", 404)])
def test_programs_get_a_problem_document(shop: Shop, path: str, status: int) -> None:
    answer = shop.get(path)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert str(answer.json["type"]).startswith("urn:shoplab:")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (f"GET /{'x' * 9000} HTTP/1.1", 414),
        (f"GET / HTTP/1.1\r\nX-Long: {'x' * 9000}", 431),
        ("GET / HTTP/1.1\r\nHost: a b", 400),
        ("nonsense", 400),
        ("TRACE /api/catalog/x HTTP/1.1", 405),
        ("TRACE / HTTP/1.1", 405),
        ("POST /api/catalog/x HTTP/1.1\r\nTransfer-Encoding: magic", 501),
        ("GET / HTTP/3.0", 505),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_request_gets_a_problem_document_too(shop: Shop, request_line: str, status: int) -> None:
    head, body = said(shop.gateway.public, request_line)
    assert head["status"] == str(status) and head["content-type"] == "application/problem+json"
    assert head["x-served-by"] == "gateway" and body["instance"] == head["x-request-id"]
    assert body["status"] == status


def said(address: str, request_line: str) -> tuple[dict[str, str], dict[str, object]]:
    """What is answered to exactly these bytes: the headers (and `status`), and the JSON document."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line, line.makefile("rb") as answer:
        named = "" if "Host:" in request_line else "Host: x\r\n"
        line.sendall(f"{request_line}\r\n{named}Connection: close\r\n\r\n".encode())
        head = {"status": answer.readline().decode().split()[1]}
        while text := answer.readline().decode().strip():
            name, _, value = text.partition(": ")
            head[name.lower()] = value
        return head, json.loads(answer.read(int(head["content-length"])))


def test_a_body_that_is_too_large_is_refused_before_a_service_sees_it(shop: Shop) -> None:
    before = shop.hits("inventory-1").get("PUT", 0)
    answer = ask(shop.gateway.public, "/api/inventory/x", "PUT", body=b"x" * 70_000)
    assert (answer.status, answer.headers["x-served-by"]) == (413, "gateway")
    assert shop.hits("inventory-1").get("PUT", 0) == before


@pytest.mark.parametrize("status", [404, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("path", ["/api/inventory/x", "/checkout"])
def test_what_a_service_answers_itself_passes_through_untouched(shop: Shop, path: str, status: int) -> None:
    answer = shop.get(f"{path}?status={status}")
    assert answer.status == status
    assert answer.json["from"] == answer.headers["x-served-by"] != "gateway"


def test_a_service_whose_replicas_all_say_503_stays_open_for_what_it_can_do(shop: Shop) -> None:
    for _ in range(8):
        shop.get("/api/catalog/x?status=503")
    assert shop.get("/api/catalog/x").status == 200


def test_no_answer_says_what_software_it_is_exactly(shop: Shop) -> None:
    assert shop.get("/livez").headers["server"] == "nginx"
    assert shop.get("/api/catalog/x").headers["x-content-type-options"] == "nosniff"


def test_text_is_compressed_for_the_public_and_plain_inside(shop: Shop) -> None:
    path = "/api/inventory/" + "x" * 600
    assert shop.get(path, Accept_Encoding="gzip").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in ask(shop.gateway.internal, path, Accept_Encoding="gzip").headers


def test_each_request_leaves_one_json_line_with_where_it_went(shop: Shop) -> None:
    shop.get("/api/inventory/tea-001?a=%22", X_Request_Id="logged-1", X_Forwarded_For="203.0.113.9")
    line = logged(shop.gateway, "logged-1")
    assert (line["method"], line["uri"], line["status"]) == ("GET", "/api/inventory/tea-001?a=%22", 200)
    assert (line["upstream"], line["upstream_addr"]) == ("inventory", shop.addresses["inventory-1"])
    assert (line["upstream_status"], line["client"]) == ("200", "203.0.113.9")
    assert isinstance(line["bytes"], int) and isinstance(line["request_time"], float)


def logged(gateway: Running, request_id: str) -> dict[str, object]:
    """The request's line; nginx writes it just after the client has its answer."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := [line for line in gateway.log() if line["request_id"] == request_id]:
            assert len(found) == 1
            return found[0]
        time.sleep(0.02)
    raise AssertionError(f"{request_id} was not logged")


def test_the_internal_listener_counts_connections(shop: Shop) -> None:
    assert b"Active connections" in shop.inside("/nginx_status").body


def test_a_post_is_sent_once_even_when_the_replica_hangs_up_on_it(shop: Shop) -> None:
    before = sum(shop.hits(f"catalog-{n}").get("POST", 0) for n in (1, 2))
    assert ask(shop.gateway.public, "/api/catalog/x?break=1", "POST", body=b"{}").status == 502
    assert sum(shop.hits(f"catalog-{n}").get("POST", 0) for n in (1, 2)) == before + 1


def test_browsers_get_a_page_with_the_requests_id() -> None:
    with running(f"storefront={IDLE_PORT}") as gateway:
        answer = ask(gateway.public, "/checkout", "POST", body=b"a=1", X_Request_Id="seen-1")
        assert (answer.status, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
        assert (answer.headers["x-served-by"], answer.headers["x-request-id"]) == ("gateway", "seen-1")
        assert b"it may have been accepted" in answer.body and b"seen-1" in answer.body


def test_a_storefront_without_any_live_replica_answers_the_503_page() -> None:
    with running("storefront=") as gateway:
        answer = ask(gateway.public, "/")
        assert (answer.status, who(answer)) == (503, "gateway")
        assert b"was not done" in answer.body


def test_a_silent_replica_ends_in_the_504_page_after_the_read_time() -> None:
    with replica("storefront-1") as (address, _), running(f"storefront={address}") as gateway:
        began = time.monotonic()
        answer = ask(gateway.public, "/orders/1?sleep=6", timeout=9)
        assert answer.status == 504 and b"did not answer in time" in answer.body
        assert 3.9 < time.monotonic() - began < 8


def test_a_killed_replica_costs_no_get_a_single_failure() -> None:
    with replica("a-1") as (one, _), replica("a-2") as (two, process), running(f"a={one},{two}") as gateway:
        answers = [ask(gateway.public, "/api/a/x").headers["x-served-by"] for _ in range(4)]
        process.kill()
        process.wait()
        after = [ask(gateway.public, "/api/a/x") for _ in range(40)]
        assert set(answers) == {"a-1", "a-2"}
        assert Counter((each.status, each.headers["x-served-by"]) for each in after) == {(200, "a-1"): 40}


def test_a_frozen_replica_is_left_out_even_when_its_callers_hang_up_first() -> None:
    with replica("a-1") as (one, _), replica("a-2") as (two, process), running(f"a={one},{two}") as gateway:
        process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(6):
                hang_up_after(gateway.internal, seconds=0.3)
            time.sleep(2.5)
            assert [ask(gateway.internal, "/internal/a/x", "POST").status for _ in range(2)] == [200, 200]
        finally:
            process.send_signal(signal.SIGCONT)


def test_replicas_that_all_count_as_failed_are_asked_all_the_same() -> None:
    """Two posts that hang up on each would otherwise shut the service out for 3 s."""
    with replica("a-1") as (one, _), replica("a-2") as (two, _), running(f"a={one},{two}") as gateway:
        for _ in range(4):
            assert ask(gateway.public, "/api/a/x?break=1", "POST").status == 502
        assert [ask(gateway.public, "/api/a/x", "POST").status for _ in range(6)] == [200] * 6


def hang_up_after(address: str, seconds: float) -> None:
    try:
        ask(address, "/internal/a/x", "POST", timeout=seconds)
    except TimeoutError:
        pass


def test_ip_hash_follows_the_forwarded_clients_first_three_octets(shop: Shop) -> None:
    spec = from_json(shop.gateway.show())
    apply(with_policy(spec, "catalog", "ip_hash"), Resolver())
    try:
        one_net = {shop.get("/api/catalog/x", X_Forwarded_For=f"203.0.113.{n}").json["from"] for n in range(1, 13)}
        nets = Counter(shop.get("/api/catalog/x", X_Forwarded_For=f"203.0.{n}.1").json["from"] for n in range(40))
        assert len(one_net) == 1
        assert len(nets) == 2 and min(nets.values()) >= 10
    finally:
        apply(spec, Resolver())


def test_a_weight_is_a_share(shop: Shop) -> None:
    spec = from_json(shop.gateway.show())
    apply(with_weight(spec, "catalog", "catalog-2", 3), Resolver())
    try:
        shares = Counter(shop.get("/api/catalog/x").json["from"] for _ in range(40))
        assert shares == {"catalog-1": 10, "catalog-2": 30}
    finally:
        apply(spec, Resolver())


@st.composite
def upstreams(draw: st.DrawFn, service: str) -> Upstream:
    flags = draw(st.lists(st.tuples(st.integers(1, 100), st.booleans()), max_size=4))
    servers = tuple(
        Server(name=f"{service}-{n}", address=f"127.0.0.{n}:8000", weight=weight, down=down)
        for n, (weight, down) in enumerate(flags, start=1)
    )
    return Upstream(service=service, servers=servers, policy=draw(st.sampled_from(POLICIES)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.tuples(*(upstreams(service) for service in ("storefront", "catalog", "orders"))),
    st.builds(RateLimits, whom=st.sampled_from(LIMITED), per_s=st.integers(1, 100_000), burst=st.integers(0, 100_000)),
)
def test_nginx_accepts_every_combination(made: tuple[Upstream, ...], limits: RateLimits) -> None:
    with tempfile.TemporaryDirectory() as data:
        Path(data, "tmp").mkdir()
        public, internal = "127.0.0.1:22398", "127.0.0.1:22399"
        spec = Gateway(listen=public, listen_internal=internal, data=data, upstreams=made, limits=limits)
        check(render(spec, workers_user()), data)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a normal user")
def test_a_normal_user_can_run_it_in_a_folder_of_their_own() -> None:
    with folder() as data, replica("catalog-1") as (address, _):
        made = Upstream(service="catalog", servers=(Server(name="catalog-1", address=address),))
        public, internal = free_address(), free_address()
        (Path(data) / "tmp").mkdir()
        Path(data, "nginx.conf").write_text(
            render(Gateway(listen=public, listen_internal=internal, data=data, upstreams=(made,)))
        )
        subprocess.run(["chown", "-R", "www-data", data], check=True)
        argv = ["setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", "nginx", "-p", f"{data}/"]
        nginx = subprocess.Popen([*argv, "-e", "stderr", "-c", f"{data}/nginx.conf"])
        try:
            await_answer(public)
            assert ask(public, "/api/catalog/x", "PUT", body=b"x" * 60_000).json["size"] == 60_000
        finally:
            nginx.terminate()
            nginx.wait(timeout=10)


def await_answer(address: str) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            ask(address, "/livez")
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("nginx did not start")
