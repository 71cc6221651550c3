"""Every row of Toxiproxy's API: status, body and headers."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.wire_parts import Wire, free_port, wire

pytestmark = pytest.mark.servers

JSON = "application/json"
NOWHERE = "127.0.0.1:1"
LATENCY = {
    "attributes": {"latency": 5, "jitter": 0},
    "name": "latency_downstream",
    "type": "latency",
    "stream": "downstream",
    "toxicity": 1,
}


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    with wire("--proxy-metrics") as started:
        yield started


@pytest.fixture
def api(running: Wire) -> Iterator[Wire]:
    """Without proxies."""
    yield running
    for name in running.do("GET", "/proxies"):
        running.do("DELETE", f"/proxies/{name}")


@pytest.fixture
def cache(api: Wire) -> dict[str, Any]:
    """A proxy called cache."""
    made: dict[str, Any] = api.do("POST", "/proxies", wish("cache"))
    return made


def wish(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "listen": f"127.0.0.1:{free_port()}", "upstream": NOWHERE, **more}


def refused(answer: Any, status: int, words: str) -> bool:
    """Toxiproxy's shape of an error: JSON that calls itself text."""
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Toxiproxy-Request-Id"]
    assert answer.data.endswith(b"\n")
    assert answer.json()["status"] == answer.status == status
    return words in answer.json()["error"]


def listens(text: str) -> bool:
    host, _, port = text.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_version_is_that_of_the_api_it_speaks(api: Wire) -> None:
    answer = api.ask("GET", "/version")
    assert (answer.status, answer.data) == (200, b'{"version": "2.12.0"}\n')
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"


def test_every_matched_route_carries_an_id_of_its_own(api: Wire) -> None:
    ids = {api.ask("GET", path).headers["X-Toxiproxy-Request-Id"] for path in ("/version", "/proxies", "/proxies/x")}
    assert len(ids) == 3


def test_browsers_are_kept_out(api: Wire) -> None:
    answer = api.ask("GET", "/version", **{"User-Agent": "Mozilla/5.0"})
    assert (answer.status, answer.data) == (403, b"User agent not allowed\n")


@pytest.mark.parametrize("path", ["/", "/nothing", "/proxies/", "/version/", "/proxies/a/b", "/proxies/a%2Fb"])
def test_an_unknown_path_is_a_plain_404(api: Wire, path: str) -> None:
    answer = api.ask("GET", path)
    assert (answer.status, answer.data) == (404, b"404 page not found\n")
    assert "X-Toxiproxy-Request-Id" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/version"),
        ("POST", "/version"),
        ("GET", "/reset"),
        ("PUT", "/proxies"),
        ("PUT", "/proxies/a/toxics/b"),
    ],
)
def test_a_wrong_method_is_an_empty_405(api: Wire, method: str, path: str) -> None:
    answer = api.ask(method, path)
    assert (answer.status, answer.data) == (405, b"")


def test_proxies_are_listed_by_name(api: Wire) -> None:
    assert api.do("GET", "/proxies") == {}
    made = api.do("POST", "/proxies", wish("a"))
    answer = api.ask("GET", "/proxies")
    assert (answer.status, answer.headers["Content-Type"], answer.json()) == (200, JSON, {"a": made})


def test_a_proxy_is_created_with_201_and_listens(api: Wire) -> None:
    body = wish("a")
    answer = api.ask("POST", "/proxies", body)
    assert (answer.status, answer.headers["Content-Type"]) == (201, JSON)
    assert answer.json() == {**body, "enabled": True, "toxics": []}
    assert listens(body["listen"])


def test_a_disabled_proxy_keeps_the_address_as_it_was_written_and_does_not_listen(api: Wire) -> None:
    body = wish("a", listen=f"localhost:{free_port()}", enabled=False)
    assert api.do("POST", "/proxies", body)["listen"] == body["listen"]
    assert not listens(body["listen"])
    started = api.do("POST", "/proxies/a", {"enabled": True})
    assert started["listen"] == body["listen"].replace("localhost", "127.0.0.1")


@pytest.mark.parametrize("listen", [{}, {"listen": ""}, {"listen": "127.0.0.1:0"}, {"listen": ":0"}, {"listen": None}])
def test_a_port_is_found_where_none_was_said(api: Wire, listen: dict[str, Any]) -> None:
    made = api.do("POST", "/proxies", {"name": "a", "upstream": NOWHERE, **listen})
    assert made["listen"].startswith("127.0.0.1:") and listens(made["listen"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"upstream": NOWHERE}, "missing required field: name"),
        ({"name": "", "upstream": NOWHERE}, "missing required field: name"),
        ({"name": "a"}, "missing required field: upstream"),
        (b"null", "missing required field: name"),
        (b"", "bad request body"),
        (b"{", "bad request body"),
        (b"[]", "bad request body"),
        ({"name": 5, "upstream": NOWHERE}, "bad request body"),
    ],
)
def test_an_incomplete_or_broken_proxy_is_a_400(api: Wire, body: Any, words: str) -> None:
    assert refused(api.ask("POST", "/proxies", body), 400, words)
    assert api.do("GET", "/proxies") == {}


def test_a_second_proxy_of_the_same_name_is_a_409(api: Wire, cache: dict[str, Any]) -> None:
    assert refused(api.ask("POST", "/proxies", wish("cache")), 409, "proxy already exists")
    assert api.do("GET", "/proxies/cache") == cache


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:99999", "127.0.0.1:x", ":x", "no-such-host.invalid:1", None])
def test_an_address_that_cannot_be_listened_on_is_a_500_and_nothing_is_stored(
    api: Wire, cache: dict[str, Any], listen: str | None
) -> None:
    answer = api.ask("POST", "/proxies", wish("b", listen=listen or cache["listen"]))
    assert refused(answer, 500, "listen tcp" if listen else "address already in use")
    assert list(api.do("GET", "/proxies")) == ["cache"]


def test_names_match_in_any_case_and_what_follows_is_ignored(api: Wire) -> None:
    answer = api.ask("POST", "/proxies", b'{"NAME": "a", "UpStream": "127.0.0.1:1", "enabled": null} {"name": 5')
    assert (answer.status, answer.json()["name"], answer.json()["enabled"]) == (201, "a", True)


def test_an_unknown_name_is_ignored_with_a_warning(api: Wire) -> None:
    answer = api.ask("POST", "/proxies", wish("a", upstraem="x"))
    assert answer.status == 201 and "'upstraem'" in answer.headers["Warning"]


def test_toxics_in_a_proxys_body_are_ignored(api: Wire) -> None:
    answer = api.ask("POST", "/proxies", wish("a", toxics=[LATENCY], Logger={}))
    assert answer.json()["toxics"] == [] and "Warning" not in answer.headers


def test_populate_creates_all_with_201(api: Wire) -> None:
    bodies = [wish("a"), wish("b", enabled=False)]
    answer = api.ask("POST", "/populate", bodies)
    assert (answer.status, answer.headers["Content-Type"]) == (201, JSON)
    assert [(proxy["name"], proxy["enabled"]) for proxy in answer.json()["proxies"]] == [("a", True), ("b", False)]


def test_populate_with_nothing_answers_null(api: Wire) -> None:
    answer = api.ask("POST", "/populate", [])
    assert (answer.status, answer.data) == (201, b'{"proxies":null}')


def test_populate_creates_nothing_when_a_name_is_missing(api: Wire) -> None:
    answer = api.ask("POST", "/populate", [wish("a"), {"upstream": NOWHERE}])
    assert (answer.status, answer.headers["Content-Type"]) == (400, JSON)
    assert answer.json() == {"error": "missing required field: name at proxy 2", "status": 400, "proxies": None}
    assert api.do("GET", "/proxies") == {}


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"["])
def test_populate_with_something_else_is_a_400(api: Wire, body: bytes) -> None:
    answer = api.ask("POST", "/populate", body)
    assert (answer.status, answer.json()["proxies"]) == (400, None)


def test_populate_keeps_what_was_done_before_a_busy_port(api: Wire, cache: dict[str, Any]) -> None:
    answer = api.ask("POST", "/populate", [wish("a"), wish("b", listen=cache["listen"]), wish("c")])
    assert (answer.status, [each["name"] for each in answer.json()["proxies"]]) == (500, ["a"])
    assert list(api.do("GET", "/proxies")) == ["a", "cache"]


def test_populate_leaves_a_proxy_of_the_same_addresses_as_it_is(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    same = {"name": "cache", "listen": cache["listen"].replace("127.0.0.1", "localhost"), "upstream": NOWHERE}
    (kept,) = api.do("POST", "/populate", [{**same, "enabled": False}])["proxies"]
    assert (kept["enabled"], kept["toxics"]) == (True, [LATENCY])


def test_populate_replaces_a_proxy_of_other_addresses(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    (made,) = api.do("POST", "/populate", [{**cache, "upstream": "127.0.0.1:2"}])["proxies"]
    assert (made["upstream"], made["listen"], made["toxics"]) == ("127.0.0.1:2", cache["listen"], [])


def test_populate_makes_a_proxy_without_a_port_anew(api: Wire) -> None:
    body = [{"name": "a", "listen": "127.0.0.1:0", "upstream": NOWHERE}]
    api.do("POST", "/populate", body)
    api.do("POST", "/proxies/a/toxics", LATENCY)
    assert api.do("POST", "/populate", body)["proxies"][0]["toxics"] == []


def test_a_proxy_is_shown(api: Wire, cache: dict[str, Any]) -> None:
    answer = api.ask("GET", "/proxies/cache")
    assert (answer.status, answer.headers["Content-Type"], answer.json()) == (200, JSON, cache)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_proxy_is_updated_in_the_fields_that_are_said(api: Wire, cache: dict[str, Any], method: str) -> None:
    answer = api.ask(method, "/proxies/cache", {"name": "other", "upstream": "127.0.0.1:2"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
    assert answer.json() == {**cache, "upstream": "127.0.0.1:2"}


def test_a_proxy_moves_and_keeps_its_toxics(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    moved = api.do("PATCH", "/proxies/cache", {"listen": f"127.0.0.1:{free_port()}"})
    assert moved["toxics"] == [LATENCY]
    assert listens(moved["listen"]) and not listens(cache["listen"])


def test_a_proxy_is_disabled_and_enabled_and_keeps_its_toxics(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    off = api.do("POST", "/proxies/cache", {"enabled": False})
    assert (off["enabled"], off["listen"], listens(off["listen"])) == (False, cache["listen"], False)
    on = api.do("POST", "/proxies/cache", {"enabled": True})
    assert (on["enabled"], on["toxics"], listens(on["listen"])) == (True, [LATENCY], True)


def test_a_move_to_a_busy_port_is_a_500_and_leaves_the_proxy_disabled_there(api: Wire, cache: dict[str, Any]) -> None:
    other = api.do("POST", "/proxies", wish("other"))
    assert refused(api.ask("PATCH", "/proxies/cache", {"listen": other["listen"]}), 500, "address already in use")
    left = api.do("GET", "/proxies/cache")
    assert (left["enabled"], left["listen"]) == (False, other["listen"])


@pytest.mark.parametrize("body", [b"", b"{", b'"x"', b'{"enabled": "no"}'])
def test_a_broken_update_of_a_proxy_is_a_400(api: Wire, cache: dict[str, Any], body: bytes) -> None:
    assert refused(api.ask("POST", "/proxies/cache", body), 400, "bad request body")
    assert api.do("GET", "/proxies/cache") == cache


def test_a_proxy_is_deleted_with_204(api: Wire, cache: dict[str, Any]) -> None:
    answer = api.ask("DELETE", "/proxies/cache")
    assert (answer.status, answer.data) == (204, b"")
    assert "Content-Length" not in answer.headers and answer.headers["X-Toxiproxy-Request-Id"]
    assert not listens(cache["listen"]) and api.do("GET", "/proxies") == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("POST", ""), ("PATCH", ""), ("DELETE", ""),
        ("GET", "/toxics"), ("POST", "/toxics"),
        ("GET", "/toxics/x"), ("POST", "/toxics/x"), ("PATCH", "/toxics/x"), ("DELETE", "/toxics/x"),
    ],
)  # fmt: skip
def test_an_unknown_proxy_is_a_404(api: Wire, method: str, path: str) -> None:
    assert refused(api.ask(method, f"/proxies/nobody{path}", {}), 404, "proxy not found")


def test_a_toxic_is_added_with_200_and_all_its_attributes(api: Wire, cache: dict[str, Any]) -> None:
    answer = api.ask("POST", "/proxies/cache/toxics", {"type": "latency", "attributes": {"latency": 5}})
    assert (answer.status, answer.headers["Content-Type"], answer.json()) == (200, JSON, LATENCY)


def test_toxics_are_listed_upstream_ones_first_each_in_the_order_they_came(api: Wire, cache: dict[str, Any]) -> None:
    for name, stream in (("d1", "downstream"), ("u1", "upstream"), ("d2", "downstream"), ("u2", "UPSTREAM")):
        api.do("POST", "/proxies/cache/toxics", {"type": "noop", "name": name, "stream": stream})
    answer = api.ask("GET", "/proxies/cache/toxics")
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
    assert [(each["name"], each["stream"]) for each in answer.json()] == [
        ("u1", "upstream"), ("u2", "UPSTREAM"), ("d1", "downstream"), ("d2", "downstream"),
    ]  # fmt: skip
    assert api.do("GET", "/proxies/cache")["toxics"] == answer.json()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"type": "nonsense"}, "invalid toxic type"),
        ({}, "invalid toxic type"),
        ({"type": "noop", "stream": "sideways"}, "stream was invalid, can be either upstream or downstream"),
        ({"type": "latency", "attributes": {"latency": 1.5}}, "bad request body"),
        (b"", "bad request body"),
        (b"{", "bad request body"),
    ],
)
def test_a_toxic_that_cannot_be_is_a_400(api: Wire, cache: dict[str, Any], body: Any, words: str) -> None:
    assert refused(api.ask("POST", "/proxies/cache/toxics", body), 400, words)
    assert api.do("GET", "/proxies/cache/toxics") == []


def test_toxic_names_are_unique_over_both_streams(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies/cache/toxics", {"type": "noop", "name": "a", "stream": "upstream"})
    answer = api.ask("POST", "/proxies/cache/toxics", {"type": "noop", "name": "a", "stream": "downstream"})
    assert refused(answer, 409, "toxic already exists")


def test_a_toxic_is_shown(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    answer = api.ask("GET", "/proxies/cache/toxics/latency_downstream")
    assert (answer.status, answer.headers["Content-Type"], answer.json()) == (200, JSON, LATENCY)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_toxic_is_updated_by_merging(api: Wire, cache: dict[str, Any], method: str) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    body = {"name": "x", "type": "noop", "stream": "upstream", "attributes": {"jitter": -3}, "toxicity": 7.5}
    answer = api.ask(method, "/proxies/cache/toxics/latency_downstream", body)
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
    assert answer.json() == {**LATENCY, "attributes": {"latency": 5, "jitter": -3}, "toxicity": 7.5}


@pytest.mark.parametrize("body", [b"", b"{", {"attributes": {"latency": "5"}}, {"toxicity": "1"}])
def test_a_broken_update_of_a_toxic_is_a_400(api: Wire, cache: dict[str, Any], body: Any) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    assert refused(api.ask("PATCH", "/proxies/cache/toxics/latency_downstream", body), 400, "bad request body")
    assert api.do("GET", "/proxies/cache/toxics") == [LATENCY]


def test_a_toxic_is_removed_with_204(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    answer = api.ask("DELETE", "/proxies/cache/toxics/latency_downstream")
    assert (answer.status, answer.data, api.do("GET", "/proxies/cache/toxics")) == (204, b"", [])


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_an_unknown_toxic_is_a_404(api: Wire, cache: dict[str, Any], method: str) -> None:
    assert refused(api.ask(method, "/proxies/cache/toxics/nothing", {}), 404, "toxic not found")


def test_reset_starts_every_proxy_and_removes_every_toxic(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies/cache/toxics", LATENCY)
    api.do("POST", "/proxies/cache", {"enabled": False})
    answer = api.ask("POST", "/reset", b"nonsense")
    assert (answer.status, answer.data) == (204, b"")
    assert api.do("GET", "/proxies") == {"cache": cache} and listens(cache["listen"])


def test_reset_is_a_500_when_a_proxy_cannot_start(api: Wire, cache: dict[str, Any]) -> None:
    api.do("POST", "/proxies", wish("same", listen=cache["listen"], enabled=False))
    assert refused(api.ask("POST", "/reset"), 500, "address already in use")


def test_metrics_count_received_bytes_when_they_were_asked_for(api: Wire, cache: dict[str, Any]) -> None:
    answer = api.ask("GET", "/metrics")
    labels = f'direction="upstream",proxy="cache",listener="{cache["listen"]}",upstream="{NOWHERE}"'
    assert answer.status == 200
    assert f"toxiproxy_proxy_received_bytes_total{{{labels}}} 0" in answer.data.decode().splitlines()


def test_a_body_may_come_in_chunks_and_a_connection_serves_several_requests(api: Wire) -> None:
    host, _, port = api.url.removeprefix("http://").rpartition(":")
    body = b'{"name": "a", "upstream": "127.0.0.1:1"}'
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    head = b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(head + chunked + b"GET /version HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = line.makefile("rb").read()
    assert answers.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n")
    assert answers.endswith(b'{"version": "2.12.0"}\n')


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /populate HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST /populate HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_ends(api: Wire, request_text: bytes, status: bytes) -> None:
    host, _, port = api.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(request_text)
        answer = line.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 " + status)
