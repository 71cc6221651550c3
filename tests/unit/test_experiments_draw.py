"""Experiments are drawn from the catalogue: the same for the same seed, and in the long run all there are."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from chaoslib.experiment import ensure_experiment_is_valid

from labs.experiments import draw
from labs.experiments.promises import PROMISES
from labs.experiments.run import load
from labs.faults import CATALOGUE, all_faults
from labs.faults.fault import UnknownFault
from labs.invariants import INVARIANTS

HERE = {fault.name: [f"{kind}-{number}" for kind in fault.kinds for number in (1, 2)] for fault in all_faults()}


def test_the_same_seed_and_number_draw_the_same_experiment_and_others_draw_others() -> None:
    assert draw.draw(7, 3, HERE) == draw.draw(7, 3, HERE)
    drawn = {str(draw.draw(seed, number, HERE)) for seed in (7, 8) for number in range(1, 20)}
    assert len(drawn) == 38


def test_a_few_hundred_draws_cover_every_fault_that_is_eligible_alone_and_with_others() -> None:
    drawn = [draw.draw(1, number, HERE) for number in range(1, 400)]
    assert {strike.fault for strikes in drawn for strike in strikes} == set(CATALOGUE)
    assert set(Counter(len(strikes) for strikes in drawn)) == {1, 2, 3}


def test_what_is_drawn_can_be_struck_with_the_parameters_it_is_given() -> None:
    for number in range(1, 200):
        for strike in draw.draw(2, number, HERE):
            CATALOGUE[strike.fault].read(strike.given)
            assert strike.target in draw.eligible(HERE)[strike.fault]


def test_a_fault_of_a_role_strikes_whoever_plays_it_by_then() -> None:
    assert draw.eligible({"primary_kill": ["postgres-2"]}) == {"primary_kill": ["primary"]}


def test_whoever_is_left_out_is_named_with_the_reason() -> None:
    here = {name: where for name, where in HERE.items() if name != "disk_fill"} | {"latency": []}
    assert draw.left_out(here, "containers") == [
        "disk_fill: works only in local, this shop runs in containers",
        "latency: this shop has nothing it could strike (link)",
    ]
    assert not {"disk_fill", "latency"} & set(draw.eligible(here))


def test_an_experiment_is_one_of_chaos_toolkit_and_heals_when_the_last_fault_is_over() -> None:
    first = draw.Strike(fault="restart", target="cart-1", after_s=0.2, for_s=2.0)
    drawn = draw.experiment("two", [first, replace(first, target="cart-2", after_s=0.5, for_s=0.5)], seed=1)
    ensure_experiment_is_valid(drawn)
    heal = next(step for step in drawn["method"] if step["name"] == "heal")
    assert heal["pauses"]["before"] == pytest.approx(1.5)  # 0.2 + 2.0, of which 0.7 are over


def test_every_invariant_of_the_shop_stands_for_a_promise() -> None:
    proved = [name for names in PROMISES.values() for name in names]
    assert sorted(proved) == sorted(["settled", *(each.name for each in INVARIANTS)])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no experiment of Chaos Toolkit"),
        ("{}", "empty experiment"),
        ('{"title": "t"}', "description"),
        ("7", "no"),
    ],
)
def test_a_file_that_is_no_experiment_is_refused_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(draw.BadExperiment, match=why):
        load(path, HERE)


def test_a_file_that_strikes_what_is_not_there_names_the_near_ones(tmp_path: Path) -> None:
    strike = draw.Strike(fault="restart", target="crat-1", after_s=0, for_s=1)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(draw.experiment("mine", [strike], 1)))
    with pytest.raises(UnknownFault, match="cannot strike 'crat-1' here; do you mean cart-1"):
        load(path, {"restart": ["cart-1"]})


def test_a_role_stands_only_for_what_a_fault_strikes_by_its_role(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    for fault, role in (("primary_kill", "primary"), ("restart", "primary")):
        strike = draw.Strike(fault=fault, target=role, after_s=0, for_s=1)
        path.write_text(json.dumps(draw.experiment("mine", [strike], 1)))
        if fault == "primary_kill":
            load(path, {"primary_kill": ["postgres-2"]})
        else:
            with pytest.raises(UnknownFault, match="cannot strike 'primary' here"):
                load(path, {"restart": ["cart-1"]})
