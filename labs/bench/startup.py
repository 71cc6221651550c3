"""`up` from nothing to the first confirmed order, beside RabbitMQ alone from nothing to an AMQP login."""

import json
import time
from pathlib import Path

from compose import places
from compose.runtime.verbs import RuntimeFailed
from labs.bench import broker_alone, ground
from labs.bench.measurement import Budget, Measurement, Sample, Say, in_turn
from labs.control import place

ROUNDS = 3
BUDGET = Budget(limit=1.4, of="ratio", moonshot=1.15)


def measure(say: Say) -> list[Measurement]:
    """Both halves of a round begin without any folder."""
    return [
        Measurement(
            name="startup",
            what="up from nothing to the first confirmed order",
            unit="s",
            beside="RabbitMQ alone from nothing to an AMQP login",
            budget=BUDGET,
            rounds=in_turn(ROUNDS, first_order, broker_alone.start, say, "s"),
        )
    ]


def first_order() -> Sample:
    """Seconds from typing `up` to the 201 of an order. `shipped_s`: until `up` returned, that order shipped;
    `daemon_s`: until the control daemon ran, which is what the command line itself takes.
    """
    with ground.nothing(ground.own_name()) as name:
        began = time.time()
        ground.up(name)
        shipped_s = time.time() - began
        confirmed_s = confirmed_at(places.folder(name) / "data/gateway/access.log") - began
        daemon = place.find(name)
        more = {"shipped_s": round(shipped_s, 3), "daemon_s": round(daemon.created - began, 2)}
        return Sample(confirmed_s, more)


def confirmed_at(access_log: Path) -> float:
    """When the gateway passed on the first 201 for an order, in seconds of the epoch: nobody needs to ask meanwhile."""
    for line in access_log.read_text().splitlines():
        request = json.loads(line)
        if (request["method"], request["uri"], request["status"]) == ("POST", "/api/orders", 201):
            return float(request["at"])
    raise RuntimeFailed(f"no order was confirmed: see {access_log}")
