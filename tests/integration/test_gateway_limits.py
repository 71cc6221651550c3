"""Rate limits by client address in real nginx: who is refused, how, and what never is."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from compose.gateway import RateLimits, from_json, with_limits
from compose.gateway.live import apply
from compose.gateway.resolve import Resolver
from tests.integration.test_gateway_harness import Answer, Running, ask, replica, running

pytestmark = pytest.mark.servers
FEW = RateLimits(whom="visitors", per_s=1, burst=4)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    """A storefront and a catalogue, with the limits that a shop begins with."""
    with ExitStack() as stack:
        storefront, catalog = (stack.enter_context(replica(name))[0] for name in ("storefront-1", "catalog-1"))
        yield stack.enter_context(running(f"storefront={storefront} catalog={catalog}"))


@contextmanager
def limited(gateway: Running, limits: RateLimits) -> Iterator[None]:
    before = from_json(gateway.show())
    apply(with_limits(before, limits), Resolver())
    try:
        yield
    finally:
        apply(with_limits(before, RateLimits(whom="off")), Resolver())  # this forgets who has asked
        apply(before, Resolver())


def burst(gateway: Running, client: str, path: str = "/api/catalog/x", times: int = 8) -> list[Answer]:
    """As fast as it goes, from one address; without one, from this machine's own."""
    named = {"X_Forwarded_For": client} if client else {}
    return [ask(gateway.public, path, **named) for _ in range(times)]


def quickly(gateway: Running, network: str, path: str = "/api/catalog/x") -> tuple[str, list[Answer]]:
    """Who asked eight times within a second, and what they heard; somebody else tries if the machine was too busy."""
    for number in range(1, 31):
        began, client = time.monotonic(), f"{network}.{number}"
        answers = burst(gateway, client, path)
        if time.monotonic() - began < 1:
            return client, answers
    raise AssertionError("nobody can ask eight times within a second")


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def test_who_asks_too_often_is_refused_and_told_when_to_come_again(gateway: Running) -> None:
    with limited(gateway, FEW):
        client, answers = quickly(gateway, "203.0.113")
        assert statuses(answers) == [200] * 5 + [429] * 3
        refused = answers[-1]
        assert refused.headers["content-type"] == "application/problem+json" and refused.json["status"] == 429
        time.sleep(int(refused.headers["retry-after"]) + 0.1)
        assert statuses(burst(gateway, client, times=1)) == [200]


def test_a_browser_gets_a_page_instead_which_says_when_as_well(gateway: Running) -> None:
    with limited(gateway, FEW):
        refused = quickly(gateway, "198.51.100", "/products/tea-001")[1][-1]
        assert (refused.status, refused.headers["content-type"]) == (429, "text/html; charset=utf-8")
        assert refused.headers["retry-after"] == "1" and refused.headers["x-served-by"] == "gateway"
        assert b"One moment, please" in refused.body and refused.headers["x-request-id"].encode() in refused.body


def test_every_address_has_a_limit_of_its_own(gateway: Running) -> None:
    with limited(gateway, FEW):
        assert 429 in statuses(quickly(gateway, "203.0.113")[1])
        assert statuses(burst(gateway, "198.51.100.4", times=5)) == [200] * 5


def test_the_own_machine_is_let_through_unless_everybody_is_meant(gateway: Running) -> None:
    with limited(gateway, FEW):
        assert set(statuses(burst(gateway, ""))) == {200}
    for _ in range(10):  # until the machine can ask eight times within a second
        with limited(gateway, RateLimits(whom="everybody", per_s=1, burst=4)):
            began = time.monotonic()
            answers = statuses(burst(gateway, ""))
            took = time.monotonic() - began
        if took < 1:
            break
    assert answers == [200] * 5 + [429] * 3


@pytest.mark.parametrize("path", ["/static/shop.css", "/api/catalog/pictures/tea-001.svg", "/livez", "/readyz"])
def test_static_files_pictures_and_health_are_never_refused(gateway: Running, path: str) -> None:
    with limited(gateway, RateLimits(whom="everybody", per_s=1, burst=0)):
        assert set(statuses(burst(gateway, "203.0.113.5", path))) == {200}


def test_services_among_themselves_are_never_refused(gateway: Running) -> None:
    with limited(gateway, RateLimits(whom="everybody", per_s=1, burst=0)):
        answers = [ask(gateway.internal, "/api/catalog/x", X_Forwarded_For="203.0.113.6") for _ in range(8)]
        assert set(statuses(answers)) == {200}


def test_what_is_let_through_is_one_and_the_burst_and_the_rate_times_the_seconds(gateway: Running) -> None:
    with limited(gateway, RateLimits(per_s=20, burst=5)):
        for number in range(7, 17):  # on a busy machine much of what is allowed goes unused
            began, through = time.monotonic(), 0
            while time.monotonic() < began + 2:
                through += burst(gateway, f"203.0.113.{number}", times=1)[0].status == 200
            most = 1 + 5 + 20 * (time.monotonic() - began)
            assert through <= most + 1
            if through >= most - 4:
                return
        pytest.fail("less than the rate was let through, each time")


def test_services_hear_who_the_visitor_is_and_nobody_out_there_can_say_it(gateway: Running) -> None:
    def heard(address: str, **headers: str) -> object:
        return ask(address, "/api/catalog/x", X_Visitor="203.0.113.66", **headers).json["headers"].get("x-visitor")  # type: ignore[attr-defined]

    assert heard(gateway.public, X_Forwarded_For="203.0.113.8") == "203.0.113.8"
    assert heard(gateway.public) is None  # the shop's own machine is no visitor
    assert heard(gateway.internal) == "203.0.113.66"
