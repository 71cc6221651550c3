"""`up` from nothing to the first confirmed order, beside RabbitMQ alone from nothing to an AMQP login."""

import json
import re
import time
from pathlib import Path

from compose import places
from compose.runtime.verbs import RuntimeFailed
from labs.bench import broker_alone, ground, processor
from labs.bench.measurement import Budget, Measurement, Sample, Say, in_turn
from labs.control import place

ROUNDS = 4
BUDGET = Budget(limit=1.4, of="ratio", moonshot=1.15)


def measure(say: Say) -> list[Measurement]:
    """Both halves of a round begin without any folder."""
    return [
        Measurement(
            name="startup",
            what="up from nothing to the first confirmed order",
            unit="s",
            beside="RabbitMQ alone, as its package starts it, from nothing to an AMQP login",
            budget=BUDGET,
            rounds=in_turn(ROUNDS, first_order, broker_alone.start, say, "s"),
        )
    ]


def first_order() -> Sample:
    """Seconds from typing `up` to the 201 of an order. `shipped_s`: until `up` returned, that order shipped;
    `cpu_s`: processor seconds of all the shop's processes by then; `ready_s`: when which component was ready.
    """
    with ground.nothing(ground.own_name()) as name:
        began = time.time()
        said = ground.up(name)
        shipped_s = time.time() - began
        confirmed_s = confirmed_at(places.folder(name) / "data/gateway/access.log") - began
        cpu_s = processor.seconds([place.find(name).pid])
        more = {"shipped_s": round(shipped_s, 3), "cpu_s": round(cpu_s, 1), "ready_s": readiness(said)}
        return Sample(confirmed_s, more)


def readiness(said: str) -> dict[str, float]:
    """Component -> seconds, from the lines of `up`."""
    return {name: float(seconds) for name, seconds in re.findall(r"✓ (\S+) +([\d.]+) s", said)}


def confirmed_at(access_log: Path) -> float:
    """When the gateway passed on the first 201 for an order, in seconds of the epoch: nobody needs to ask meanwhile."""
    for line in access_log.read_text().splitlines():
        request = json.loads(line)
        if (request["method"], request["uri"], request["status"]) == ("POST", "/api/orders", 201):
            return float(request["at"])
    raise RuntimeFailed(f"no order was confirmed: see {access_log}")
