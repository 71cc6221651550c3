"""Payments' routes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Protocol

from flask import Response
from flask_openapi import OpenAPI
from pydantic import BaseModel, Field

from services.common.fields import ChargeKey, Token
from services.common.web import Check, create_web, json_answer, problems
from services.payments.charge import Provider, charge
from services.payments.charges import Charge
from services.payments.provider import Behaviour

MOST_CENTS = 10**12


class Charges(Protocol):
    """What the routes need; see `charges.Charges`."""

    def find(self, key: str) -> Charge: ...
    def record(self, key: str, state: str, amount_cents: int) -> tuple[Charge, bool]: ...
    def refund(self, key: str) -> Charge: ...


class Switch(Protocol):
    """The provider's behaviour; see `provider.ProviderTable`."""

    def load(self) -> Behaviour: ...
    def change(self, behaviour: Behaviour) -> None: ...


class KeyPath(BaseModel):
    key: ChargeKey


class ChargeRequest(BaseModel):
    key: ChargeKey = Field(description="the same key again charges nothing more")
    amount_cents: int = Field(ge=1, le=MOST_CENTS)
    token: Token


class ChargeAnswer(BaseModel):
    key: str
    state: str
    amount_cents: int | None


class BehaviourBody(BaseModel):
    """`latency_ms` before every answer; the rates are shares of the calls."""

    latency_ms: int = Field(default=0, ge=0, le=60_000)
    error_rate: float = Field(default=0.0, ge=0, le=1)
    decline_rate: float = Field(default=0.0, ge=0, le=1)


def create_app(charges: Charges, provider: Provider, switch: Switch, ready: Mapping[str, Check]) -> OpenAPI:
    """Build the app from its parts; `__main__` makes the real ones, tests pass fakes."""
    app = create_web("payments", ready)

    charged = {200: ChargeAnswer, 201: ChargeAnswer, **problems(402, 409, 422, 503, 504)}

    @app.post("/internal/payments/charges", responses=charged)
    def make_charge(body: ChargeRequest) -> Response:
        outcome, new = charge(charges, provider, body.key, body.amount_cents, body.token)
        return json_answer(ChargeAnswer(**vars(outcome)), 201 if new else 200)

    @app.get("/internal/payments/charges/<key>", responses={200: ChargeAnswer, **problems(404, 422, 503, 504)})
    def show_charge(path: KeyPath) -> Response:
        return json_answer(ChargeAnswer(**vars(charges.find(path.key))))

    @app.post("/internal/payments/charges/<key>/refund", responses={200: ChargeAnswer, **problems(422, 503, 504)})
    def refund(path: KeyPath) -> Response:
        return json_answer(ChargeAnswer(**vars(charges.refund(path.key))))

    @app.get("/internal/payments/provider", responses={200: BehaviourBody, **problems(503, 504)})
    def show_behaviour() -> Response:
        return json_answer(BehaviourBody(**asdict(switch.load())))

    @app.put("/internal/payments/provider", responses={200: BehaviourBody, **problems(422, 503, 504)})
    def change_behaviour(body: BehaviourBody) -> Response:
        switch.change(Behaviour(**body.model_dump()))
        return json_answer(body)

    return app
