"""Control's interface refuses what it cannot read with a reason, never with an error of its own."""

from typing import Any, cast

import psycopg
import pytest
from flask.testing import FlaskClient

from labs.control.api import create_api
from labs.control.shop import RunningShop

URL, TOKEN = "http://127.0.0.1:21002", "of-this-shop"


class Untouched:
    """A shop, or a part of it, of which no request may reach any verb."""

    def __init__(self, name: str = "the shop") -> None:
        self._name = name

    def __getattr__(self, part: str) -> "Untouched":
        return Untouched(part)

    def __call__(self, *_: Any) -> None:
        raise AssertionError(f"{self._name} was reached")


@pytest.fixture
def control() -> FlaskClient:
    return create_api(cast(RunningShop, Untouched()), TOKEN, URL).test_client()


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("/scale", None, "service is missing"),
        ("/scale", ["catalog", 3], "service is missing"),
        ("/scale", {"service": "catalog", "replicas": "many"}, "replicas must be a int"),
        ("/scale", {"service": ["catalog"], "replicas": 2}, "service must be a str"),
        ("/balance", {"service": "catalog", "policy": "weights", "weights": [1]}, "weights must be a dict"),
        ("/break", {"fault": "process_pause", "target": "cart-1", "for_s": -1}, "for_s must be from 0"),
        ("/break", {"fault": "process_pause", "target": "cart-1", "for_s": float("inf")}, "for_s must be from 0"),
        ("/check", {"settle_s": "long"}, "settle_s must be a float"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_with_the_reason(
    control: FlaskClient, path: str, body: Any, why: str
) -> None:
    answer = control.post(path, json=body, base_url=URL, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 400
    assert why in answer.json["error"]


def test_a_database_that_fails_without_a_word_is_refused_with_the_name_of_what_happened() -> None:
    class Silent:
        @property
        def data(self) -> "Silent":
            return self

        def reset(self) -> None:
            raise psycopg.OperationalError

    control = create_api(cast(RunningShop, Silent()), TOKEN, URL).test_client()
    answer = control.post("/reset", base_url=URL, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json["error"]) == (409, "Postgres did not do it: OperationalError")


@pytest.mark.parametrize("tail", ["-3", "all"])
def test_a_number_of_lines_that_is_none_is_refused(control: FlaskClient, tail: str) -> None:
    answer = control.get(f"/logs?tail={tail}", base_url=URL, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json["error"]) == (400, "tail must be a number of lines")


@pytest.mark.parametrize("given", ["", TOKEN, "Bearer wrong", f"Basic {TOKEN}"])
def test_only_the_bearer_of_the_token_is_let_in(control: FlaskClient, given: str) -> None:
    answer = control.get("/status", base_url=URL, headers={"Authorization": given})
    assert (answer.status_code, answer.is_json) == (401, True)
