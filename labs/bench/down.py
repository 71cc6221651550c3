"""How long `down` takes, and how long a shop outlives a control daemon that was killed."""

import signal
import time

from compose.runtime.processes import Ours, ours, tree
from compose.runtime.verbs import RuntimeFailed
from labs.bench import ground
from labs.bench.measurement import Budget, Measurement, Round, Sample, Say
from labs.control import place, starting

ROUNDS = 2
WITHIN_S = 15.0
BUDGET = Budget(limit=3)


def measure(say: Say) -> list[Measurement]:
    """The two ends in turn."""
    asked, killed = [], []
    with ground.nothing(ground.own_name()) as name:
        for number in range(1, ROUNDS + 1):
            asked.append(Round(end_by_command(name)))
            killed.append(Round(end_by_kill(name)))
            say(
                f"round {number} of {ROUNDS}: {asked[-1].ours.value:.2f} s, daemon killed {killed[-1].ours.value:.2f} s"
            )
    return [
        Measurement(name="down", what="down, nothing left behind", unit="s", budget=BUDGET, rounds=asked),
        Measurement(
            name="down_after_kill",
            what="control daemon killed: nothing left behind",
            unit="s",
            budget=BUDGET,
            rounds=killed,
        ),
    ]


def end_by_command(name: str) -> Sample:
    """Seconds until `down` is through and every process of the shop is gone."""
    everybody = processes_of_a_running(name)
    began = time.monotonic()
    starting.down(name)
    returned_s = time.monotonic() - began
    return Sample(_gone_after(everybody, began), {"returned_s": round(returned_s, 3), "processes": len(everybody)})


def end_by_kill(name: str) -> Sample:
    """Seconds until every process is gone after the daemon was killed, with nobody asking for it."""
    everybody = processes_of_a_running(name)
    process = place.find(name).daemon.process()
    assert process
    began = time.monotonic()
    process.send_signal(signal.SIGKILL)
    sample = Sample(_gone_after(everybody, began), {"processes": len(everybody)})
    starting.down(name)
    return sample


def processes_of_a_running(name: str) -> list[Ours]:
    """Every process of a shop that is started for this: daemon, nursery, components and their children."""
    ground.up(name)
    found = place.find(name)
    root = found.daemon.process()
    return [ours(member.pid) for member in tree(root)] if root else []


def _gone_after(everybody: list[Ours], began: float) -> float:
    """Seconds since `began` when none of them is left. Raises RuntimeFailed naming who is."""
    while left := [process for process in everybody if process.process()]:
        if time.monotonic() - began > WITHIN_S:
            names = [process.name() for one in left if (process := one.process())]
            raise RuntimeFailed(f"still running {WITHIN_S:.0f} s later: {', '.join(names)}")
        time.sleep(0.01)
    return time.monotonic() - began
