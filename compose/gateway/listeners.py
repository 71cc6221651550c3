"""The two listeners: which path leads to which service, and what the gateway answers itself."""

from collections.abc import Iterable, Iterator

from nginx.config.api.blocks import Base

from compose.gateway import limits
from compose.gateway.answers import ANSWERS, PAGES, Answer
from compose.gateway.directives import block, directive, ms, quoted, remark
from compose.gateway.model import Gateway, Upstream

PAGES_SERVICE = "storefront"
ROOM_SERVICE, ROOM_PATH = "waiting-room", "^~ /sale/"
"""Whose pages these are while it has a replica; at rest the storefront says where to go instead."""
PATIENT = ("orders", "orders-lane")
"""Services where one checks out, which is waited for as long as outside: a checkout asks others in its turn."""
STAND_INS = {"orders-lane": "orders"}
"""Who answers the path of a service that has no replica."""


def public(spec: Gateway) -> Base:
    """For browsers, load and labs: pages and /api/."""
    return block(
        "server",
        remark("The public listener: browsers, load, labs."),
        directive("listen", spec.listen),
        remark("Nobody out there may say how much a request matters, whose it is, or when we stop working on it."),
        directive("set", "$tier", quoted("")),
        directive("set", "$time_left", quoted("")),
        directive("set", "$for_visitor", "$visitor"),
        directive("proxy_read_timeout", ms(spec.waits.read_s)),
        *_compression(),
        *_made_here(),
        *_health(),
        *_free(spec),
        *_routes(spec, "/api/", limited=True),
        block("location ^~ /internal/", directive("return", 404)),
        *(_pages(room, ROOM_PATH, limits.limit(spec)) for room in _room(spec)),
        _pages(_shop(spec), "/", limits.limit(spec)),
    )


def internal(spec: Gateway) -> Base:
    """For the services among themselves: /internal/ as well."""
    return block(
        "server",
        remark("The internal listener: services call each other here."),
        directive("listen", spec.listen_internal),
        directive("set", "$tier", "$http_x_tier"),
        directive("set", "$time_left", "$http_x_time_left_ms"),
        directive("set", "$for_visitor", "$http_x_visitor"),
        directive("proxy_read_timeout", ms(spec.waits.internal_read_s)),
        *_made_here(),
        *_health(),
        block("location = /nginx_status", directive("access_log", "off"), directive("stub_status")),
        *_routes(spec, "/api/", patient=True),
        *_routes(spec, "/internal/"),
        _pages(_shop(spec)),
    )


def _compression() -> Iterator[Base]:
    kinds = ("text/css", "text/javascript", "application/javascript", "application/json", "application/problem+json")
    yield directive("gzip", "on")
    yield directive("gzip_vary", "on")
    yield directive("gzip_proxied", "any")
    yield directive("gzip_min_length", 512)
    yield directive("gzip_types", *kinds, "image/svg+xml")


def _headers(*more: tuple[str, object]) -> Iterator[Base]:
    """Headers of every answer. A location with one add_header of its own loses the inherited ones: use this there."""
    for name, value in (
        ("X-Request-Id", "$call_id"),
        ("X-Served-By", "$made_here"),
        ("X-Content-Type-Options", "nosniff"),
        *more,
    ):
        yield directive("add_header", name, value, "always")


def _made_here() -> Iterator[Base]:
    """Answers of the gateway itself. What a replica answers, errors too, passes through untouched (no intercepting)."""
    yield from _headers()
    for answer in ANSWERS:
        yield _leads_to_problem(answer)
        yield _problem(answer)
    yield block(
        "location ^~ /-gateway/",
        directive("internal"),
        directive("alias", "pages/"),
        block("types"),
        directive("default_type", "text/html"),
        directive("charset", "utf-8"),
        remark("Puts the request's id into the page."),
        directive("ssi", "on"),
        *_headers(("Cache-Control", "no-store"), ("Retry-After", "$retry_after"), ("Refresh", "$look_again")),
    )


def _leads_to_problem(answer: Answer) -> Base:
    codes = (answer.code, f"={answer.status}") if answer.code else (answer.status,)
    return directive("error_page", *codes, f"/-gateway/problem-{answer.status}")


def _problem(answer: Answer) -> Base:
    """No named location: what nginx refuses before it knows the path (414, say) could not be led there."""
    wait = [("Retry-After", answer.retry_after_s)] if answer.retry_after_s else []
    return block(
        f"location = /-gateway/problem-{answer.status}",
        directive("internal"),
        block("types"),
        directive("default_type", "application/problem+json"),
        *_headers(("Cache-Control", "no-store"), *wait),
        directive("return", answer.status, quoted(answer.document("$call_id"))),
    )


def _health() -> Iterator[Base]:
    """The gateway's own health; replicas are asked on their own ports, never through here."""
    ready = quoted('{"ready":true,"replica":"gateway","checks":{}}')
    for path, kind, body in (("/livez", "text/plain", "alive"), ("/readyz", "application/json", ready)):
        yield block(
            f"location = {path}",
            directive("access_log", "off"),
            directive("default_type", kind),
            directive("return", 200, body),
        )
    yield block("location = /metrics", directive("return", 404))


def _free(spec: Gateway) -> Iterator[Base]:
    """What nobody is refused."""
    for upstream in spec.upstreams:
        for path in limits.FREE.get(upstream.service, ()):
            yield block(f"location ^~ {path}", *_passed_on(upstream))


def _routes(spec: Gateway, prefix: str, limited: bool = False, patient: bool = False) -> Iterator[Base]:
    """`/api/orders` and all below `/api/orders/`; without the exact one nginx would answer it with a redirect."""
    for upstream in spec.upstreams:
        held_back = list(limits.limit(spec)) if limited else []
        waits = [directive("proxy_read_timeout", ms(spec.waits.read_s))] if upstream.service in PATIENT else []
        for match, path, own in (("=", upstream.service, waits if patient else []), ("^~", f"{upstream.service}/", [])):
            answered = _passed_on(_or_stand_in(spec, upstream))
            yield block(f"location {match} {prefix}{path}", *held_back, *own, *answered)
    yield block(f"location ^~ {prefix}", directive("return", 404))


def _or_stand_in(spec: Gateway, upstream: Upstream) -> Upstream:
    others = [each for each in spec.upstreams if each.service == STAND_INS.get(upstream.service)]
    return upstream if upstream.alive or not others else others[0]


def _room(spec: Gateway) -> list[Upstream]:
    """The waiting room, when it is open."""
    return [each for each in spec.upstreams if each.service == ROOM_SERVICE and each.servers]


def _shop(spec: Gateway) -> Upstream:
    return next((each for each in spec.upstreams if each.service == PAGES_SERVICE), Upstream(service=PAGES_SERVICE))


def _pages(upstream: Upstream, path: str = "/", held_back: Iterable[Base] = ()) -> Base:
    """For people: where no replica answers, pages say so."""
    return block(
        f"location {path}",
        *(_leads_to_problem(answer) for answer in ANSWERS if answer.status not in PAGES),
        *(directive("error_page", status, f"/-gateway/{status}.html") for status in PAGES),
        *held_back,
        *_passed_on(upstream),
    )


def _passed_on(upstream: Upstream) -> Iterator[Base]:
    yield directive("set", "$service", upstream.service)
    if upstream.alive:
        yield directive("proxy_pass", f"http://{upstream.service}")
    else:
        yield remark("no replica is in service")
        yield directive("return", 503)
