"""A caller's time: taken at its word, shortened by the time in the queue, refused when it is over."""

import math
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from services.common import deadline
from services.common.deadline import Deadline
from services.common.errors import Refused, TimedOut
from services.common.web import create_web


@pytest.fixture(autouse=True)
def nobody_waits() -> Iterator[None]:
    yield
    deadline.forget()


def test_a_step_has_its_own_bound_or_what_is_left() -> None:
    now = [0.0]
    whole = Deadline(3, clock=lambda: now[0])
    assert whole.within(2) == 2
    now[0] = 2.5
    assert whole.within(2) == 0.5
    now[0] = 3.0
    with pytest.raises(TimedOut):
        whole.within(2)


def test_who_says_nothing_waits_for_ever_also_after_somebody_who_did_not() -> None:
    deadline.obey({"HTTP_X_TIME_LEFT_MS": "500"})
    assert 0.4 < deadline.left_s() <= 0.5
    deadline.obey({})
    assert deadline.left_s() == math.inf


def test_a_promise_shortens_the_callers_time_and_never_adds_to_it() -> None:
    deadline.promise(3, {})
    assert 1 < deadline.left_s() <= 3
    deadline.obey({"HTTP_X_TIME_LEFT_MS": "500"})
    deadline.promise(3, {})
    assert 0 < deadline.left_s() <= 0.5


def test_a_promise_was_given_when_the_gateway_had_the_request() -> None:
    deadline.promise(3, {"HTTP_X_REQUEST_START": "1000.0"}, now=lambda: 1000.5)
    assert 1 < deadline.left_s() <= 2.5


@pytest.mark.parametrize("nonsense", ["", "soon", "nan", "inf"])
def test_what_is_no_number_says_nothing(nonsense: str) -> None:
    deadline.obey({"HTTP_X_TIME_LEFT_MS": nonsense, "HTTP_X_REQUEST_START": nonsense})
    assert deadline.left_s() == math.inf


def test_the_time_since_the_gateway_had_the_request_counts() -> None:
    asked = {"HTTP_X_TIME_LEFT_MS": "500", "HTTP_X_REQUEST_START": "1000.0"}
    deadline.obey(asked, now=lambda: 1000.2)
    assert 0.2 < deadline.left_s() <= 0.3
    with pytest.raises(Refused):
        deadline.obey(asked, now=lambda: 1000.6)


def test_a_clock_that_is_ahead_gives_nobody_more_time() -> None:
    deadline.obey({"HTTP_X_TIME_LEFT_MS": "500", "HTTP_X_REQUEST_START": "1000.0"}, now=lambda: 990.0)
    assert deadline.left_s() <= 0.5


def client(asked: list[float]) -> FlaskClient:
    app = create_web("toy", {})

    @app.get("/api/toy")
    def toy() -> str:
        asked.append(deadline.left_s())
        return "done"

    return app.test_client()


def test_a_request_whose_caller_has_stopped_waiting_is_refused_before_any_work() -> None:
    asked: list[float] = []
    answer = client(asked).get("/api/toy", headers={"X-Time-Left-Ms": "0"})
    assert (answer.status_code, answer.get_json(force=True)["refused"], asked) == (503, True, [])


def test_a_route_knows_how_long_it_is_waited_for() -> None:
    asked: list[float] = []
    assert client(asked).get("/api/toy", headers={"X-Time-Left-Ms": "800"}).status_code == 200
    assert 0.5 < asked[0] <= 0.8
