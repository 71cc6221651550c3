"""How the queues are made that messages wait in, by the broker's version."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.common.bus import declare


class Channel:
    """Notes what is declared."""

    def __init__(self, version: str) -> None:
        self.queues: dict[str, dict[str, Any]] = {}
        self.connection = SimpleNamespace(_impl=SimpleNamespace(server_properties={"version": version}))

    def exchange_declare(self, *_: Any, **__: Any) -> None: ...
    def queue_bind(self, *_: Any) -> None: ...

    def queue_declare(self, queue: str, durable: bool, arguments: dict[str, Any]) -> None:
        self.queues[queue] = arguments


@pytest.mark.parametrize(
    ("version", "kind", "strategy"), [("3.9.13", "classic", None), ("3.10.8", "quorum", "at-least-once")]
)
def test_what_waits_is_passed_on_with_a_confirm_where_the_broker_can(
    version: str, kind: str, strategy: str | None
) -> None:
    channel = Channel(version)
    declare(channel, "fulfilment", (1.0,))  # type: ignore[arg-type]
    waiting = channel.queues["fulfilment.later.1000ms"]
    assert waiting["x-queue-type"] == kind and waiting.get("x-dead-letter-strategy") == strategy
    assert waiting["x-message-ttl"] == 1000 and waiting["x-dead-letter-routing-key"] == "fulfilment"


def test_a_lane_is_a_queue_of_its_own_and_what_fails_in_it_goes_where_all_others_are() -> None:
    channel = Channel("3.13.0")
    declare(channel, "fulfilment-lane", (1.0,))  # type: ignore[arg-type]
    assert set(channel.queues) == {"fulfilment-lane", "fulfilment.later.1000ms", "fulfilment.dead"}
    assert channel.queues["fulfilment-lane"]["x-dead-letter-routing-key"] == "fulfilment.dead"
    assert channel.queues["fulfilment.later.1000ms"]["x-dead-letter-routing-key"] == "fulfilment"
