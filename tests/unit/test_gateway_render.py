"""The rendered file, read back with crossplane: whatever is combined, it says what the description says."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import crossplane
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compose.gateway import LIMITED, POLICIES, Gateway, RateLimits, Server, Upstream
from compose.gateway.answers import ANSWERS, PAGES
from compose.gateway.render import render

PAGE_FILES = Path(__file__).resolve().parents[2] / "nginx" / "pages"
SERVICES = ("storefront", "catalog", "orders")


@st.composite
def upstreams(draw: st.DrawFn, service: str) -> Upstream:
    flags = draw(st.lists(st.tuples(st.integers(1, 100), st.booleans()), max_size=4))
    servers = tuple(
        Server(name=f"{service}-{n}", address=f"127.0.0.{n}:8000", weight=weight, down=down)
        for n, (weight, down) in enumerate(flags, start=1)
    )
    return Upstream(service=service, servers=servers, policy=draw(st.sampled_from(POLICIES)))


rate_limits = st.builds(
    RateLimits, whom=st.sampled_from(LIMITED), per_s=st.integers(1, 100_000), burst=st.integers(0, 100_000)
)
gateways = st.builds(
    Gateway,
    listen=st.just("127.0.0.1:22200"),
    listen_internal=st.just("127.0.0.1:22201"),
    data=st.just("/tmp/gateway"),
    upstreams=st.tuples(*(upstreams(service) for service in SERVICES)),
    limits=rate_limits,
)


def parsed(spec: Gateway, user: str | None = None) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(render(spec, user))
        file.flush()
        found = crossplane.parse(file.name, single=True, check_ctx=True, check_args=True)
    assert found["errors"] == []
    return list(found["config"][0]["parsed"])


def walk(directives: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in directives:
        yield each
        yield from walk(each.get("block", []))


def named(directives: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [each for each in walk(directives) if each["directive"] == name]


def upstream_blocks(spec: Gateway) -> dict[str, list[dict[str, Any]]]:
    return {each["args"][0]: each["block"] for each in named(parsed(spec), "upstream")}


@settings(max_examples=60, deadline=None)
@given(gateways)
def test_every_replica_has_its_line_and_every_service_its_policy(spec: Gateway) -> None:
    blocks = upstream_blocks(spec)
    assert set(blocks) == {each.service for each in spec.upstreams if each.servers}
    for upstream in spec.upstreams:
        lines = blocks.get(upstream.service, [])
        found = [each["args"] for each in lines if each["directive"] == "server"]
        assert [line for line in found if "backup" not in line] == [server_line(each) for each in upstream.servers]
        assert [line[0] for line in found if "backup" in line] == panic_addresses(upstream)
        policies = [each["directive"] for each in lines if each["directive"] in POLICIES]
        assert policies == ([upstream.policy] if lines and upstream.policy != "round_robin" else [])


def panic_addresses(upstream: Upstream) -> list[str]:
    """Whom the gateway asks when every replica counts as failed."""
    alone = len(upstream.servers) == 1
    return [s.address for s in upstream.servers if not s.down and not alone and upstream.policy != "ip_hash"]


def server_line(server: Server) -> list[str]:
    weight = [f"weight={server.weight}"] if server.weight > 1 else []
    checks = [f"max_fails={server.max_fails}", f"fail_timeout={server.fail_timeout_s}s"]
    return [server.address, *weight, *checks, *(["down"] if server.down else [])]


@settings(max_examples=60, deadline=None)
@given(gateways)
def test_a_service_without_a_live_replica_is_answered_here_and_never_passed_on(spec: Gateway) -> None:
    passed = {each["args"][0] for each in named(parsed(spec), "proxy_pass")}
    assert passed == {f"http://{each.service}" for each in spec.upstreams if each.alive}


@settings(max_examples=40, deadline=None)
@given(gateways)
def test_the_public_is_limited_as_the_description_says_and_services_never_are(spec: Gateway) -> None:
    public, internal = named(parsed(spec), "server")[-2:]
    limited = {path for path, lines in ways(public).items() if "limit_req" in lines}
    passing = {path for path, lines in ways(public).items() if "proxy_pass" in lines}
    assert "limit_req" not in {each["directive"] for each in walk([internal])}
    assert passing - limited <= FREE if spec.limits.whom != "off" else not limited
    assert not limited & FREE
    said = [each["args"] for each in named([public], "limit_req")]
    burst = [f"burst={spec.limits.burst}"] if spec.limits.burst else []
    assert all(args == ["zone=visitors", *burst, "nodelay"] for args in said)


FREE = {"/static/", "/api/catalog/pictures/"}


def ways(server: dict[str, Any]) -> dict[str, set[str]]:
    """Path -> the directives of its location."""
    found = named([server], "location")
    return {each["args"][-1]: {line["directive"] for line in each["block"]} for each in found}


@settings(max_examples=20, deadline=None)
@given(rate_limits)
def test_the_rate_and_who_is_let_through_are_as_described(limits: RateLimits) -> None:
    directives = parsed(replace(a_shop(), limits=limits))
    zones = [each["args"] for each in named(directives, "limit_req_zone")]
    assert zones == ([] if limits.whom == "off" else [["$visitor", "zone=visitors:2m", f"rate={limits.per_s}r/s"]])
    (own,) = named(directives, "geo")
    let_through = [line["directive"] for line in own["block"] if line["args"] == ["1"]]
    assert let_through == ([] if limits.whom == "everybody" else ["127.0.0.0/8", "172.16.0.0/12"])


@settings(max_examples=20, deadline=None)
@given(gateways)
def test_keepalive_comes_after_the_policy_and_the_servers(spec: Gateway) -> None:
    for lines in upstream_blocks(spec).values():
        order = [each["directive"] for each in lines]
        assert order[0] == "zone"
        assert order[-2:] == ["keepalive", "keepalive_timeout"]


def a_shop(*services: str) -> Gateway:
    made = tuple(
        Upstream(service=s, servers=(Server(name=f"{s}-1", address="127.0.0.1:8000"),)) for s in services or SERVICES
    )
    return Gateway(listen="127.0.0.1:22200", listen_internal="127.0.0.1:22201", data="/tmp/gateway", upstreams=made)


def test_a_post_is_never_sent_twice() -> None:
    (said,) = named(parsed(a_shop()), "proxy_next_upstream")
    assert "non_idempotent" not in said["args"]


def test_every_place_that_adds_a_header_adds_them_all() -> None:
    """One add_header in a block makes nginx forget those of the blocks around it."""
    for each in walk(parsed(a_shop())):
        added = {line["args"][0] for line in each.get("block", []) if line["directive"] == "add_header"}
        assert not added or added >= {"X-Request-Id", "X-Served-By", "X-Content-Type-Options"}


def test_no_location_drops_the_headers_sent_to_replicas() -> None:
    inside = [line for each in named(parsed(a_shop()), "location") for line in each["block"]]
    assert "proxy_set_header" not in {line["directive"] for line in inside}


def test_the_public_listener_has_no_way_into_internal_paths() -> None:
    public = named(parsed(a_shop()), "server")[-2]
    ways = {tuple(each["args"]): each["block"] for each in named([public], "location")}
    assert [line["directive"] for line in ways["^~", "/internal/"]] == ["return"]
    assert not [way for way in ways if way[-1].startswith("/internal/") and way != ("^~", "/internal/")]


def test_a_service_waits_for_a_checkout_as_long_as_anybody_and_for_all_else_less() -> None:
    internal = named(parsed(a_shop("orders", "catalog")), "server")[-1]
    ways = {tuple(each["args"]): each["block"] for each in named([internal], "location")}
    waits = {way: [line["args"] for line in named(block, "proxy_read_timeout")] for way, block in ways.items()}
    assert waits.pop(("=", "/api/orders")) == [["4000ms"]]
    assert set(map(len, waits.values())) == {0}
    assert [line["args"] for line in internal["block"] if line["directive"] == "proxy_read_timeout"] == [["2000ms"]]


def test_a_page_of_the_gateway_is_loaded_again_by_those_in_line_and_by_nobody_else() -> None:
    http = parsed(a_shop("waiting-room"))
    (again,) = [each["block"] for each in named(http, "map") if each["args"][1] == "$look_again"]
    assert {line["directive"]: line["args"] for line in again} == {"waiting-room": ["5"], "default": [""]}
    pages = [each["block"] for each in named(http, "location") if each["args"] == ["^~", "/-gateway/"]]
    assert all(["Refresh", "$look_again", "always"] in [line["args"] for line in page] for page in pages)


def test_only_roots_nginx_is_told_to_change_its_user() -> None:
    assert named(parsed(a_shop()), "user") == []
    assert named(parsed(a_shop(), "www-data"), "user")[0]["args"] == ["www-data"]


def test_a_gateway_without_any_service_is_valid() -> None:
    empty = Gateway(listen="127.0.0.1:22200", listen_internal="127.0.0.1:22201", data="/tmp/gateway")
    assert named(parsed(empty), "upstream") == []


def test_every_answer_of_ours_is_a_problem_document_that_fits_one_nginx_string() -> None:
    for answer in ANSWERS:
        document = answer.document("$call_id")
        assert len(document) < 1000
        assert f'"status":{answer.status}' in document
        assert document.count("$") == 1


@pytest.mark.parametrize("status", PAGES)
def test_a_page_is_one_small_file_that_needs_nothing_else(status: int) -> None:
    page = (PAGE_FILES / f"{status}.html").read_text()
    assert len(page.encode()) < 4096
    assert '<html lang="en">' in page
    assert "viewport" in page
    assert f"Error {status}" in page
    assert not re.search(r"(src=|url\(|<script|@import|<link)", page)


@pytest.mark.parametrize("status", [502, 504])
def test_a_page_says_that_the_order_may_have_been_accepted_where_that_is_so(status: int) -> None:
    assert "it may have been accepted" in (PAGE_FILES / f"{status}.html").read_text()


def test_the_pages_look_alike() -> None:
    styles = {re.findall(r"(?s)<style>.*</style>", (PAGE_FILES / f"{status}.html").read_text())[0] for status in PAGES}
    assert len(styles) == 1


@pytest.mark.parametrize("replicas", [(), (Server(name="orders-lane-1", address="127.0.0.1:21102"),)])
def test_orders_answers_for_a_lane_without_a_replica(replicas: tuple[Server, ...]) -> None:
    one = Server(name="orders-1", address="127.0.0.1:21101")
    upstreams = (Upstream(service="orders", servers=(one,)), Upstream(service="orders-lane", servers=replicas))
    spec = Gateway(listen="127.0.0.1:21000", listen_internal="127.0.0.1:21001", data="/tmp", upstreams=upstreams)
    lanes = [each for each in named(parsed(spec), "location") if each["args"] == ["=", "/api/orders-lane"]]
    asked = [each["args"][0] for lane in lanes for each in named(lane["block"], "proxy_pass")]
    assert asked == ["http://orders-lane" if replicas else "http://orders"] * 2
