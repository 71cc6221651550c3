"""A series goes on where it was left, keeps what did not pass, and adds up; a failing experiment is made smaller."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from labs.control.__main__ import my_place
from labs.engine.folder import NoSuchRun
from labs.experiments import actions, draw, summary
from labs.experiments.run import Result, judge, run
from labs.experiments.series import FRESH_EVERY, Kept, Series
from labs.experiments.shoppers import recover_s
from labs.experiments.shrink import only, shrink, smallest
from labs.load.generator import Order, Recording
from labs.load.sample import Sample

HEAD = {
    "seed": 7, "source": "drawn", "flags": {}, "left_out": ["disk_fill: works only in local"], "commit": "abc",
    "cores": 2, "memory_mb": 8000, "platform": "Linux", "python": "3", "shop": {"runtime": "local"}, "began": "today",
}  # fmt: skip


class Shop:
    """Notes what is done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def reset(self) -> None:
        self.done.append("reset")

    def heal(self) -> list[str]:
        self.done.append("heal")
        return []

    def flags(self) -> list[dict[str, Any]]:
        return []

    def set_flag(self, name: str, value: object) -> None:
        self.done.append(f"{name} = {value}")

    def logs(self, component: str | None = None, tail: int = 50) -> list[str]:
        return ["a line"]


def result(number: int, verdict: str = "pass", struck: Sequence[str] = ("restart@cart-1",), **more: Any) -> Result:
    return Result(number=number, verdict=verdict, struck=struck, **more)  # type: ignore[arg-type]


def series(folder: Path, verdicts: dict[int, str] | None = None, **more: Any) -> tuple[Series, Shop, Kept]:
    """One whose experiments end as is said, or else pass."""
    shop, kept = Shop(), Kept.new(folder, HEAD)
    run = lambda number, _: (result(number, (verdicts or {}).get(number, "pass")), {"status": "completed"})  # noqa: E731
    made = Series(shop=shop, kept=kept, make=lambda n: {"title": n}, run=run, tell=lambda *_: None, **more)  # type: ignore
    return made, shop, kept


def test_each_result_is_on_disk_before_the_next_experiment_and_a_series_is_found_by_its_seed(tmp_path: Path) -> None:
    made, _, kept = series(tmp_path)
    assert made.go(range(1, 4))
    again = Kept.latest(tmp_path, 7)
    assert (again, [each.number for each in again.results()]) == (kept, [1, 2, 3])
    with pytest.raises(NoSuchRun, match="seed 8"):
        Kept.latest(tmp_path, 8)


def test_a_line_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    made, _, kept = series(tmp_path)
    made.go([1, 2])
    path = kept.path / "results.jsonl"
    path.write_text(path.read_text()[:-20])
    assert [each.number for each in kept.results()] == [1]


def test_what_did_not_pass_is_kept_with_the_file_that_repeats_it_and_the_shop_is_made_new(tmp_path: Path) -> None:
    made, shop, kept = series(tmp_path, {2: "fail"}, flags={"relay.confirms": False})
    assert made.go([1, 2, 3])
    assert [path.name for path in (kept.path / "kept").iterdir()] == ["0002"]
    assert json.loads((kept.path / "kept/0002/experiment.json").read_text()) == {"title": 2}
    assert shop.done == ["reset", "relay.confirms = False"] * 2 + ["heal"]


def test_an_interrupted_experiment_counts_for_nothing_and_the_shop_is_healed(tmp_path: Path) -> None:
    made, shop, kept = series(tmp_path, {2: "interrupted"})
    assert not made.go([1, 2, 3])
    assert [each.number for each in kept.results()] == [1] and shop.done[-1] == "heal"


def test_shelves_are_filled_again_from_time_to_time(tmp_path: Path) -> None:
    made, shop, _ = series(tmp_path)
    made.go(range(FRESH_EVERY * 2))
    assert shop.done.count("reset") == 3


def test_an_experiment_counts_in_the_row_of_each_of_its_faults_and_targets() -> None:
    found = summary.summarise([
        result(1, struck=["down@replication", "restart@cart-1"], requests=40, failed=4, recover_s=2.0, seconds=6),
        result(2, struck=["restart@cart-2"], requests=50, failed=6, recover_s=4.0, seconds=7),
        result(3, struck=["restart@cart-2"], requests=50, recover_s=0.0, seconds=7),
        result(4, "fail", broken=[{"promise": "stock", "found": "-1"}, {"promise": "stock", "found": "-2"}]),
        result(5, "unknown", requests=9, failed=9),
    ])  # fmt: skip
    restart = next(row for row in found.by_fault if row.name == "restart")
    assert restart.cells() == ["4", "140", "10", "6", "3.0 s", "4.0 s", "1"]
    assert {row.name: row.experiments for row in found.by_target} == {"replication": 1, "cart-1": 2, "cart-2": 2}
    assert found.promises["stock"] == 1 and found.promises["charges"] == 0
    assert (found.verdicts, found.seconds) == ({"pass": 3, "fail": 1, "unknown": 1}, 20)


@pytest.mark.parametrize("page", ["summary.md", "summary.html"])
def test_a_page_tells_seed_machine_what_was_left_out_and_what_failed(page: str) -> None:
    failed = result(1, "fail", reasons=["after: no promise is broken"])
    text = summary.render(page, HEAD, summary.summarise([failed]))
    for told in (
        "1 experiments: 1 violations",
        "abc",
        "2 cores",
        "disk_fill: works only in local",
        "no promise is broken",
    ):
        assert told in text


def journal(**more: Any) -> dict[str, Any]:
    well = {"steady_state_met": True, "probes": []}
    return {"status": "completed", "run": [], "rollbacks": [], "steady_states": {"before": well, "after": well}} | more


def probe(broken: Sequence[dict[str, str]]) -> dict[str, Any]:
    output = {"status": len(broken), "broken": broken}
    return {"activity": {"name": "promises"}, "status": "succeeded", "tolerance_met": not broken, "output": output}


def test_a_broken_promise_fails_an_experiment_and_a_shop_that_was_not_well_before_cannot_be_judged() -> None:
    ill = {"steady_state_met": False, "probes": [probe([{"promise": "stock", "found": "-1"}])]}
    after = journal(steady_states={"before": None, "after": ill})
    assert judge(1, {}, after, 1).verdict == "fail" and judge(1, {}, after, 1).broken[0]["promise"] == "stock"
    assert judge(1, {}, journal(steady_states={"before": ill, "after": None}), 1).verdict == "unknown"
    assert judge(1, {}, journal(status="interrupted"), 1).verdict == "interrupted"
    assert judge(1, {}, journal(), 1).verdict == "pass"


def test_a_strike_that_was_refused_is_told_and_fails_nothing_but_a_heal_that_failed_does() -> None:
    drawn = draw.experiment("one", [draw.Strike(fault="restart", target="cart-1", after_s=0, for_s=1)], 1)
    (strike,) = draw.strikes_of(drawn)
    refused = {
        "activity": strike,
        "status": "failed",
        "exception": ["x.ActivityFailed: ControlFailed: no\n"],
        "output": None,
    }
    found = judge(1, drawn, journal(run=[refused]), 1)
    assert (found.verdict, found.struck, found.refused) == ("pass", [], ["restart@cart-1: no"])
    heal = {"activity": drawn["rollbacks"][1], "status": "failed", "exception": ["x: cart-1 is dead"], "output": None}
    assert judge(1, drawn, journal(rollbacks=[heal]), 1).verdict == "fail"


def sample(at_s: float, outcome: str) -> Sample:
    return Sample(intended_s=at_s, what="checkout", client="", done_s=at_s + 0.5, outcome=outcome)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["ok", "ok"], 0.0),
        (["ok", "http_4xx"], 0.0),  # sold out: an answer
        (["ok", "reset", "ok", "timeout", "ok"], 3.5),
        (["ok", "http_5xx"], None),
    ],
)
def test_recovery_lasts_from_the_first_failure_to_the_first_order_after_the_last(
    outcomes: list[str], expected: float | None
) -> None:
    assert recover_s([sample(float(at), outcome) for at, outcome in enumerate(outcomes)]) == expected


@pytest.mark.parametrize("guilty", [{0}, {2}, {0, 2}, {1, 3, 4}, {0, 1, 2, 3, 4}])
def test_the_smallest_failing_part_is_exactly_what_is_guilty(guilty: set[int]) -> None:
    assert list(smallest(range(5), lambda some: guilty <= set(some))) == sorted(guilty)


def test_an_experiment_shrinks_to_the_faults_that_are_needed_though_they_fail_only_every_other_time() -> None:
    strikes = [draw.Strike(fault="restart", target=f"cart-{n}", after_s=0, for_s=1) for n in (1, 2, 3)]
    told: list[str] = []

    def run_it(number: int, what: draw.Experiment) -> tuple[Result, dict[str, Any]]:
        guilty = "cart-3" in str(draw.strikes_of(what))
        return result(number, "fail" if guilty and number % 2 == 0 else "pass"), {}

    found = shrink(Shop(), draw.experiment("three", strikes, 1), 2, run_it, lambda *_: told.append("tried"))  # type: ignore
    assert found and [each["provider"]["arguments"]["target"] for each in draw.strikes_of(found)] == ["cart-3"]
    assert shrink(Shop(), draw.experiment("none", strikes[:2], 1), 2, run_it, lambda *_: None) is None  # type: ignore
    assert len(told) > 3


def test_an_experiment_without_some_of_its_faults_keeps_the_times_of_the_others() -> None:
    strikes = [draw.Strike(fault="restart", target=f"cart-{n}", after_s=0.25, for_s=1) for n in (1, 2, 3)]
    smaller = only(draw.experiment("three", strikes, 1), [2])
    (left,) = draw.strikes_of(smaller)
    assert (left["provider"]["arguments"]["target"], left["pauses"]["before"]) == ("cart-3", 0.75)
    assert [step["name"] for step in smaller["method"]][-3:] == ["heal", "what shoppers saw", "put dead letters back"]


def test_an_experiment_does_not_answer_for_orders_that_an_earlier_one_saw_in_another_shop() -> None:
    actions._confirmed.append("long gone")
    run(1, {"title": "nothing", "description": "happens", "method": []}, "nowhere")
    assert actions._confirmed == []


def test_a_file_that_names_no_shop_is_about_the_one_it_is_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labs.control.client.find", lambda name: my_place(name, "local", 21000, True))
    monkeypatch.setenv("SHOPLAB_NAME", "toy")
    assert [actions.shop_of(where).name for where in (None, {}, {"shop": "other"})] == ["toy", "toy", "other"]


OWN: dict[str, Any] = {"title": "mine", "description": "forgets the promises", "method": []}


@pytest.mark.parametrize("broken", [[], [{"promise": "stock", "found": "-1"}]])
def test_promises_are_looked_at_once_after_a_file_that_does_not_ask_about_them(
    monkeypatch: pytest.MonkeyPatch, broken: list[dict[str, str]]
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(actions, "broken_promises", lambda where: asked.append(where) or {"broken": broken})
    found, _ = run(1, OWN, "toy")
    assert (found.verdict, found.broken) == ("fail" if broken else "pass", broken)
    assert asked == [{"shop": "toy"}] and list(found.reasons) == ["afterwards: stock: -1"] * len(broken)


class Crowd:
    """Shoppers who have seen one order confirmed."""

    def go_home(self) -> Recording:
        return Recording(orders=[Order(key="k", outcome="ok", order_id="o-1")])


def test_shoppers_whom_a_file_forgets_are_at_home_when_its_promises_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[tuple[int, list[str]]] = []

    def look(where: object) -> dict[str, Any]:
        found.append((len(actions._crowd), actions._confirmed.copy()))
        time.sleep(0.2)
        return {"broken": []}

    monkeypatch.setattr(actions, "shoppers_come", lambda: actions._crowd.append(Crowd()))  # type: ignore[arg-type]
    monkeypatch.setattr(actions, "broken_promises", look)
    provider = {"type": "python", "module": "labs.experiments.actions", "func": "shoppers_come"}
    result, _ = run(1, OWN | {"method": [{"type": "action", "name": "come", "provider": provider}]}, "toy")
    assert (result.verdict, found) == ("pass", [(0, ["o-1"])]) and result.seconds >= 0.2


def test_promises_are_not_looked_at_again_after_a_file_that_asks_about_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(actions, "broken_promises", lambda: asked.append("") or {"status": 0, "broken": []})
    probes = draw.experiment("drawn", [], 1)["steady-state-hypothesis"]["probes"][-1:]
    found, _ = run(1, OWN | {"steady-state-hypothesis": {"title": "kept", "probes": probes}}, "toy")
    assert (found.verdict, len(asked)) == ("pass", 2)  # before and after


def test_an_experiment_whose_shop_cannot_be_asked_afterwards_does_not_pass() -> None:
    found, _ = run(1, OWN, "nowhere")
    assert found.verdict == "fail" and "is not running" in found.reasons[0]
