"""Bugs planted one at a time behind their switches: the seeded random experiments find each within a hundred.

Only the experiments of a seed are run whose faults can bring the bug to light; the others would cost minutes, and could
only find it earlier.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import pytest

from compose.failover import UNFENCED
from labs.control.client import ShopClient
from labs.experiments.draw import Strike, draw, experiment
from tests.conftest import Cli, bring_up, take_down
from tests.shop.buying import synchronous

pytestmark = pytest.mark.servers
TRIES = 3
Wanted = Callable[[Sequence[Strike]], bool]
Place = tuple[int, int]


def places(shop: ShopClient, wanted: Wanted) -> Iterator[Place]:
    """Seeds and numbers up to a hundred of experiments with such faults, the first ones first."""
    targets = shop.targets()
    for seed in count(1):
        yield from ((seed, number) for number in range(1, 101) if wanted(draw(seed, number, targets)))


def run(cli: Cli, shop: ShopClient, folder: Path, place: Place) -> tuple[int, str]:
    """Exit code and what was said about the experiment of that seed and number."""
    seed, number = place
    path = folder / f"{seed}-{number}.json"
    strikes = draw(seed, number, shop.targets())
    path.write_text(json.dumps(experiment(f"Experiment {number} of seed {seed}", strikes, seed)))
    done = cli("experiments", str(path), "--name", shop.name)
    print(f"seed {seed}, number {number}:\n{done.stderr}")
    return done.returncode, done.stderr


def found(cli: Cli, shop: ShopClient, folder: Path, wanted: Wanted) -> str:
    """What the first of a few experiments says that fails."""
    for place in islice(places(shop, wanted), TRIES):
        code, said = run(cli, shop, folder, place)
        if code == 1:
            return said
    pytest.fail(f"{TRIES} experiments found nothing")


def worker_killed_while_slow(strikes: Sequence[Strike]) -> bool:
    """Messages have come to the worker, and it has not worked on them, when it is killed."""
    begun, slow_until = 0.0, 0.0
    for strike in strikes:
        begun += strike.after_s
        if strike.fault == "consumer_slow":
            slow_until = begun + strike.for_s
        elif str(strike) in ("process_kill@fulfilment-1", "process_stop@fulfilment-1"):
            return begun < slow_until
    return False


def primary_cut_off(strikes: Sequence[Strike]) -> bool:
    """Nobody reaches the primary for longer than its watch waits; it is well, and comes back."""
    return any(str(strike) == "down@postgres-1" and strike.for_s > 1 for strike in strikes)


def test_stock_that_is_looked_at_and_then_taken_is_found(healed: ShopClient, cli: Cli, tmp_path: Path) -> None:
    healed.set_flag("inventory.stock", "naive")
    healed.set_flag("inventory.decide_ms", 400)
    assert "never below zero" in found(cli, healed, tmp_path, wanted=bool)


def test_messages_that_are_acknowledged_before_the_work_are_found(healed: ShopClient, cli: Cli, tmp_path: Path) -> None:
    healed.set_flag("fulfilment.ack", "on_delivery")
    said = found(cli, healed, tmp_path, worker_killed_while_slow)
    assert "exactly once in effect" in said and "parcels=0" in said


def test_the_same_worker_killed_loses_nothing_that_is_acknowledged_after_the_work(
    healed: ShopClient, cli: Cli, tmp_path: Path
) -> None:
    for place in islice(places(healed, worker_killed_while_slow), 2):
        assert run(cli, healed, tmp_path, place)[0] == 0


def test_a_primary_that_is_not_fenced_is_found(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"unfenced-{os.getpid()}"
    monkeypatch.setenv(UNFENCED, name)
    bring_up(name, "--runtime", "local")
    try:
        shop = ShopClient.of(name)
        shop.set_flag("postgres.failover", "promote")
        assert "confirmed order" in found(cli, shop, tmp_path, primary_cut_off)
        assert "TEST SWITCH" in cli("status", "--name", name).stdout
        assert [flag["value"] for flag in shop.flags() if flag["name"] == "postgres.failover"] == ["promote"]
    finally:
        take_down(name)


def test_the_same_primary_cut_off_loses_nothing_where_it_is_fenced(
    movable: ShopClient, cli: Cli, tmp_path: Path
) -> None:
    movable.set_flag("postgres.failover", "promote")
    synchronous(movable)
    code, said = run(cli, movable, tmp_path, next(places(movable, primary_cut_off)))
    assert code == 0, said
    steps = [step["what"].split(":")[0] for step in movable.report()["moves"]]
    assert steps[steps.index("gone") :][:3] == ["gone", "fenced", "promoted"]
