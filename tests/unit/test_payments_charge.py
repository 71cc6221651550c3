"""Charging once per key, at a provider of any mood."""

import pytest

from services.common.errors import Conflict, Declined, NotFound, Unavailable
from services.payments.charge import charge
from services.payments.charges import Charge
from services.payments.provider import Behaviour, Provider


class Charges(dict[str, Charge]):
    def find(self, key: str) -> Charge:
        if key not in self:
            raise NotFound(key)
        return self[key]

    def record(self, key: str, state: str, amount_cents: int) -> tuple[Charge, bool]:
        new = key not in self
        return self.setdefault(key, Charge(key, state, amount_cents)), new


class Mood:
    def __init__(self, **mood: float) -> None:
        self.mood = Behaviour(**mood)  # type: ignore[arg-type]

    def current(self) -> Behaviour:
        return self.mood


def provider(chance: float = 0.5, **mood: float) -> Provider:
    return Provider(Mood(**mood), sleep=lambda _: None, chance=lambda: chance)


def test_the_same_key_is_charged_once_and_the_provider_asked_once() -> None:
    charges, first = Charges(), provider()
    assert charge(charges, first, "k", 700, "tok_ok") == (Charge("k", "charged", 700), True)
    assert charge(charges, provider(error_rate=1.0), "k", 700, "tok_ok") == (Charge("k", "charged", 700), False)


def test_a_declined_key_stays_declined() -> None:
    charges = Charges()
    for token in ("tok_declined", "tok_ok"):
        with pytest.raises(Declined):
            charge(charges, provider(), "k", 700, token)


def test_another_amount_under_the_same_key_is_refused() -> None:
    charges = Charges(k=Charge("k", "charged", 700))
    with pytest.raises(Conflict):
        charge(charges, provider(), "k", 701, "tok_ok")


@pytest.mark.parametrize("state", ["voided", "refunded"])
def test_a_key_that_was_given_back_is_never_charged_again(state: str) -> None:
    charges = Charges(k=Charge("k", state, None))
    with pytest.raises(Conflict):
        charge(charges, provider(), "k", 700, "tok_ok")


def test_an_outage_leaves_no_trace() -> None:
    charges = Charges()
    with pytest.raises(Unavailable):
        charge(charges, provider(error_rate=1.0), "k", 700, "tok_ok")
    assert charges == {}


def test_the_provider_sleeps_before_it_decides() -> None:
    slept: list[float] = []
    slow = Provider(Mood(latency_ms=250, error_rate=1.0), sleep=slept.append)
    with pytest.raises(Unavailable):
        slow.decide("tok_ok")
    assert slept == [0.25]


@pytest.mark.parametrize(("chance", "outcome"), [(0.29, "declined"), (0.31, "charged")])
def test_the_decline_rate_is_a_share_of_the_calls(chance: float, outcome: str) -> None:
    assert provider(chance, decline_rate=0.3).decide("tok_ok") == outcome
