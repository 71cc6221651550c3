"""What stands before a peer: switched by flags while it is in use, counted by how calls end, replaced by a fallback."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from prometheus_client import REGISTRY

from services.common.errors import Declined, Refused, ShopError, TimedOut, Unavailable
from services.common.fallback import or_else
from services.common.flags import Flags
from services.common.protection import KNOBS, Protection, following, peer_flags
from services.common.settings import PeerSettings, read

SETTINGS = read(PeerSettings, {"PEERS": "127.0.0.1:1", "SHOP_PEER_AT_ONCE": "1", "SHOP_BREAKER_FAILURES": "1"})


def switched(peer: str) -> tuple[Protection, dict[str, object]]:
    knobs: dict[str, object] = {name: value for name, (value, _) in KNOBS.items()}
    return Protection(peer, SETTINGS, knobs.__getitem__, places=1), knobs


def ending(error: ShopError) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"shop_peer_{name}", labels) or 0.0


def test_a_service_obeys_its_own_flags_and_each_has_its_default() -> None:
    flags = Flags(peer_flags("toy"))
    knob = following(flags, "toy")
    assert {name: knob(name) for name in KNOBS} == {name: value for name, (value, _) in KNOBS.items()}


def test_a_breaker_that_is_switched_off_lets_everybody_through_at_once() -> None:
    protection, knobs = switched("switched")
    with suppress(TimedOut):
        protection.call(ending(TimedOut("late")), 1, patient=True)
    with pytest.raises(Refused):
        protection.call(lambda: "answer", 1, patient=True)
    knobs["breaker"] = False
    assert protection.call(lambda: "answer", 1, patient=True) == "answer"


def test_a_bulkhead_that_is_switched_off_has_a_place_for_everybody() -> None:
    protection, knobs = switched("full")
    within = lambda: protection.call(lambda: "answer", 0, patient=True)  # noqa: E731
    with pytest.raises(Refused):
        protection.call(within, 0, patient=True)
    knobs["bulkhead"] = False
    assert protection.call(within, 0, patient=True) == "answer"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (Declined("no"), "answered"),
        (Unavailable("gone"), "unavailable"),
        (TimedOut("late"), "timed_out"),
        (Refused("full"), "refused"),
    ],
)
def test_calls_are_counted_by_how_they_end(error: ShopError | None, outcome: str) -> None:
    peer = f"counted-{outcome}"
    protection, _ = switched(peer)
    with suppress(ShopError):
        protection.call(ending(error) if error else lambda: None, 1, patient=True)
    assert count("calls_total", peer=peer, outcome=outcome) == 1
    assert count("circuit_open", peer=peer) == (outcome in ("unavailable", "timed_out"))


def test_what_a_fallback_stands_in_for_is_counted() -> None:
    assert or_else("toy part", lambda: "answer", None) == "answer"
    assert or_else("toy part", ending(Unavailable("gone")), "instead") == "instead"
    assert REGISTRY.get_sample_value("shop_degraded_total", {"what": "toy part"}) == 1
