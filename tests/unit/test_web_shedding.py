"""A service with too much to do refuses by tier, before anything else happens, and says so as it should."""

import pytest
from flask import Response
from flask.testing import FlaskClient

from services.common import shedding
from services.common.shedding import Crowd, Tier
from services.common.web import create_web


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    """Who is inside the replica: as many as the test says."""
    crowd = Crowd(threads=4)  # so the limit is 8
    monkeypatch.setattr(shedding, "crowd", crowd)
    return crowd


@pytest.fixture
def client(crowd: Crowd) -> FlaskClient:
    app = create_web("shop", {}, Tier.BROWSE, {"pay": Tier.CHECKOUT, "liked": Tier.EXTRAS})
    for name in ("look", "pay", "liked"):
        app.add_url_rule(f"/{name}", name, lambda: Response(str(shedding.current.get())))
    return app.test_client()


@pytest.mark.parametrize(
    ("inside", "answers"), [(4, (200, 200, 200)), (8, (200, 200, 503)), (16, (200, 503, 503)), (17, (503,) * 3)]
)
def test_routes_are_refused_by_their_tier(
    client: FlaskClient, crowd: Crowd, inside: int, answers: tuple[int, ...]
) -> None:
    crowd.inside = inside
    assert tuple(client.get(path).status_code for path in ("/pay", "/look", "/liked")) == answers


def test_a_refusal_is_a_problem_document_with_a_time_to_come_again(client: FlaskClient, crowd: Crowd) -> None:
    crowd.inside = 100
    answer = client.get("/look")
    assert answer.status_code == 503 and answer.mimetype == "application/problem+json"
    assert answer.json["type"] == "urn:shoplab:overloaded" and answer.json["refused"]
    assert 2 <= int(answer.headers["Retry-After"]) <= 5


def test_what_is_asked_for_a_checkout_matters_as_much_as_the_checkout(client: FlaskClient, crowd: Crowd) -> None:
    crowd.inside = 16
    answer = client.get("/look", headers={shedding.HEADER: "checkout"})
    assert (answer.status_code, answer.text) == (200, "checkout")
    assert client.get("/pay", headers={shedding.HEADER: "extras"}).status_code == 503


def test_a_tier_that_does_not_exist_says_nothing(client: FlaskClient) -> None:
    assert client.get("/look", headers={shedding.HEADER: "king"}).text == "browse"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_who_looks_after_the_replica_is_never_refused(client: FlaskClient, crowd: Crowd, path: str) -> None:
    crowd.inside = 1000
    assert client.get(path).status_code == 200


def test_a_switch_lets_everybody_in(client: FlaskClient, crowd: Crowd) -> None:
    crowd.inside = 1000
    client.application.extensions["shedder"].shedding = lambda: False
    assert client.get("/liked").status_code == 200
