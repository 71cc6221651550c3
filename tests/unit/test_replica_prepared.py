"""An app that is built before its replica is known."""

from dataclasses import dataclass

import pytest
from flask import Flask

from services.common import telemetry
from services.common.replica import Service
from services.common.settings import BadSettings, WebSettings, env
from services.common.web import create_web
from services.common.worker import Background

ONE = {"REPLICA": "any-1", "LISTEN": "127.0.0.1:1", "DATA": "/1", "SHOP_SPEED": "3"}


@dataclass(frozen=True, kw_only=True)
class AnySettings(WebSettings):
    speed: int = env("any", default=1)


def build(settings: AnySettings, background: Background) -> Flask:
    return create_web("any", {})


@pytest.fixture
def service() -> Service[AnySettings]:
    return Service("any", AnySettings, build)


def test_replicas_that_differ_in_name_and_place_only_share_the_app(service: Service[AnySettings]) -> None:
    prepared = service.prepare(ONE)
    other = {**ONE, "REPLICA": "any-2", "LISTEN": "127.0.0.1:2", "DATA": "/2"}
    assert service.prepared_for(other) is prepared


def test_a_replica_with_other_settings_gets_an_app_of_its_own(service: Service[AnySettings]) -> None:
    prepared = service.prepare(ONE)
    assert service.prepared_for({**ONE, "SHOP_SPEED": "4"}) is not prepared


def test_what_could_not_be_prepared_fails_again_in_the_replica(service: Service[AnySettings]) -> None:
    for attempt in (service.prepare, service.prepared_for):
        with pytest.raises(BadSettings, match="SHOP_SPEED"):
            attempt({"SHOP_SPEED": "high"})


def test_an_app_tells_who_serves_it_though_that_was_not_known_when_it_was_built(
    service: Service[AnySettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = service.prepare(ONE).app.test_client()
    monkeypatch.setattr(telemetry.identity, "replica", "any-2")
    assert client.get("/livez").headers["X-Served-By"] == client.get("/readyz").json["replica"] == "any-2"
