"""Trouble inside one replica: whom it strikes, and that it can always be undone."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.common.faults import install


@pytest.fixture
def replica() -> FlaskClient:
    app = Flask(__name__)
    install(app)
    app.add_url_rule("/api/tea", view_func=lambda: "tea")
    app.add_url_rule("/livez", "livez", view_func=lambda: "alive")
    return app.test_client()


def set_fault(replica: FlaskClient, status: int, path: str) -> int:
    return replica.put("/internal/faults", json={"http_status": status, "path": path}).status_code


def test_only_requests_under_its_path_are_aborted(replica: FlaskClient) -> None:
    set_fault(replica, 503, "/api/")
    assert (replica.get("/api/tea").status_code, replica.get("/livez").status_code) == (503, 200)


def test_a_fault_of_every_path_strikes_everything_but_its_own_undo(replica: FlaskClient) -> None:
    set_fault(replica, 503, "/")
    assert replica.get("/livez").status_code == 503
    assert set_fault(replica, 0, "/") == 200
    assert replica.get("/api/tea").status_code == 200
