"""Rounds, ratios, medians, budgets, and the table they end up in."""

import itertools
import json
from pathlib import Path

import pytest
from rich.console import Console

from compose.runtime.verbs import RuntimeFailed
from compose.versions import MissingBinary
from labs import bench
from labs.bench import failover, load, memory, report, room, startup
from labs.bench.machine import processor
from labs.bench.measurement import Budget, Measurement, Round, Sample, in_turn, rounded

MACHINE = {
    "cores": 2, "memory_mb": 4000, "cpu": "abacus", "kernel": "6.1", "python": "3.11", "date": "now", "commit": "1a2b",
}  # fmt: skip


def pairs(*values: tuple[float, float]) -> list[Round]:
    return [Round(Sample(ours), Sample(yardstick)) for ours, yardstick in values]


def measurement(rounds: list[Round], budget: Budget | None = None) -> Measurement:
    return Measurement(name="start", what="a start", unit="s", rounds=rounds, beside="a stone", budget=budget)


def test_the_median_of_the_ratios_is_judged_not_the_ratio_of_the_medians() -> None:
    slow_minute = measurement(pairs((1.2, 1.0), (12.0, 10.0), (1.3, 1.0)), Budget(limit=1.25, of="ratio"))
    assert slow_minute.ratio == pytest.approx(1.2)
    assert slow_minute.measured / (slow_minute.yardstick or 0) == pytest.approx(1.3)
    assert slow_minute.met is True


def test_a_budget_may_be_a_floor() -> None:
    floor = Budget(limit=0.6, kind="at least", of="ratio")
    assert measurement(pairs((60, 100)), floor).met is True
    assert measurement(pairs((59, 100)), floor).met is False


def test_a_value_without_yardstick_is_judged_by_itself() -> None:
    heavy = measurement([Round(Sample(500.0))], Budget(limit=450))
    assert (heavy.met, heavy.ratio, heavy.yardstick) == (False, None, None)


def test_a_ratio_that_nobody_took_keeps_no_budget() -> None:
    assert measurement([Round(Sample(1.0))], Budget(limit=2, of="ratio")).met is False


def test_what_has_no_budget_is_neither_kept_nor_missed() -> None:
    assert measurement(pairs((1, 2))).met is None


def test_by_turns_the_thing_and_its_yardstick_go_first() -> None:
    taken: list[str] = []

    def take(which: str) -> Sample:
        taken.append(which)
        return Sample(float(len(taken)))

    said: list[str] = []
    rounds = in_turn(3, lambda: take("A"), lambda: take("B"), said.append, "s")
    assert taken == ["A", "B", "B", "A", "A", "B"]
    assert [each.ratio for each in rounds] == [1 / 2, 4 / 3, 5 / 6]
    assert said[1] == "round 2 of 3: 4 s, yardstick 3 s, ratio 1.33"


def test_what_goes_second_and_is_slower_for_it_does_not_show_in_an_even_number_of_rounds() -> None:
    slower = itertools.cycle((1.0, 1.2))
    rounds = in_turn(10, lambda: Sample(3 * next(slower)), lambda: Sample(3 * next(slower)), lambda _: None, "s")
    assert measurement(rounds).ratio == pytest.approx(1, abs=0.02)


def test_json_has_every_round_with_what_explains_it() -> None:
    each = Round(Sample(1.23456, {"shipped_s": 2.0}), Sample(2.0, {"cpu_us": 7}))
    plain = measurement([each], Budget(limit=1.4, of="ratio", moonshot=1.15)).to_json()
    assert plain["rounds"] == [
        {"measured": 1.235, "shipped_s": 2.0, "yardstick": 2.0, "ratio": 0.6173, "yardstick_cpu_us": 7}
    ]
    assert (plain["budget"], plain["moonshot"], plain["met"]) == (1.4, 1.15, True)
    assert {"name", "measured", "unit", "yardstick", "ratio"} <= plain.keys()


def test_the_document_names_the_machine_and_all_measurements() -> None:
    document = json.loads(report.to_json(MACHINE, [measurement(pairs((1, 2)))]))
    assert document["machine"] == MACHINE
    assert [each["name"] for each in document["measurements"]] == ["start"]


def test_the_table_shows_yardstick_ratio_budget_and_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=200, record=True, quiet=False)
    monkeypatch.setattr(report, "out", console)
    monkeypatch.setattr("labs.commands.output.out", console)
    report.show(MACHINE, [measurement(pairs((3, 2)), Budget(limit=1.4, of="ratio", moonshot=1.15))])
    shown = console.export_text()
    assert "at most 1.4 of the yardstick (moonshot 1.15)" in shown
    assert "✗" in shown and "1.50" in shown
    assert "the yardstick is a stone" in shown and "abacus" in shown


def test_a_limit_on_the_value_is_shown_with_its_unit() -> None:
    assert report.promise(measurement([Round(Sample(1))], Budget(limit=3))) == "at most 3 s"
    assert report.promise(measurement([Round(Sample(1))])) == "no budget"


def test_four_digits_are_kept() -> None:
    assert [rounded(value) for value in (1234.5678, 0.00012346, None)] == [1235.0, 0.0001235, None]


def test_an_unknown_measurement_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run("speed", as_json=False) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in ("speed", "startup", "memory", "product", "checkout", "down"))


@pytest.mark.parametrize("what", ["load", ""])
def test_without_wrk_nothing_is_started_and_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingBinary, match="--install-packages wrk"):
        bench.run(what, as_json=False)


def test_a_percentile_of_the_load_is_compared_round_by_round() -> None:
    halves = [(Sample(200.0, {"p99": ours}), Sample(190.0, {"p99": theirs})) for ours, theirs in ((4, 2), (9, 3))]
    found = load.latency("p99", [Round(*pair) for pair in halves])
    assert (found.measured, found.yardstick, found.ratio) == (6.5, 2.5, 2.5)


def test_memory_of_a_child_belongs_to_its_nearest_named_parent() -> None:
    named = {1: "control", 7: "catalog-1"}
    assert memory.owner(7, [2, 1], named) == "catalog-1"
    assert memory.owner(8, [7, 2, 1], named) == "catalog-1"
    assert memory.owner(2, [1], named) == "nursery"


def test_a_machine_that_does_not_tell_its_processor_has_an_architecture(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Abacus 3000\n")
    assert processor(tmp_path / "cpuinfo") == "Abacus 3000"
    assert processor(tmp_path / "nothing")


def test_when_components_were_ready_is_read_from_what_up_says() -> None:
    said = "Starting the shop\n  ✓ memcached-1           0.4 s\n  · gateway  waits  0.5 s\n  ✓ gateway   1.5 s\n"
    assert startup.readiness(said) == {"memcached-1": 0.4, "gateway": 1.5}


def test_the_first_confirmed_order_is_the_first_created_one_in_the_gateways_log(tmp_path: Path) -> None:
    lines = [
        {"method": "POST", "uri": "/api/orders", "status": 503, "at": 1.0},
        {"method": "GET", "uri": "/api/orders", "status": 201, "at": 2.0},
        {"method": "POST", "uri": "/api/orders", "status": 201, "at": 3.5},
        {"method": "POST", "uri": "/api/orders", "status": 201, "at": 4.0},
    ]
    (tmp_path / "access.log").write_text("\n".join(json.dumps(line) for line in lines))
    assert startup.confirmed_at(tmp_path / "access.log") == 3.5


def test_a_single_lost_order_of_many_rounds_breaks_the_promise_that_none_is_lost() -> None:
    def rounds(*lost: int) -> list[Round]:
        return [Round(Sample(1.0, {"orders": 50, "lost": number})) for number in lost]

    kept, risked = failover.losses({"kill": rounds(2, 1), "kill_synchronous": rounds(0, 0, 1), "switchover": rounds(0)})
    assert (kept.measured, kept.met, kept.rounds[0].ours.more) == (1, False, {"orders": 200})
    assert (risked.measured, risked.met) == (3, None)
    assert failover.losses({"kill_synchronous": rounds(0, 0, 0)})[0].met is True


def test_how_long_a_page_took_is_read_from_where_the_gateways_log_was_and_to_its_last_whole_line(
    tmp_path: Path,
) -> None:
    page = {"uri": f"/sale/{room.ITEM}", "request_time": 0.012}
    lines = [json.dumps(page), json.dumps(page | {"request_time": 0.004}), json.dumps({"uri": "/", "request_time": 9})]
    (tmp_path / "access.log").write_text("\n".join([*lines, json.dumps(page), json.dumps(page)[:-3]]))
    assert room.request_times_ms(tmp_path / "access.log", len(lines[0]) + 1, 2) == [4.0, 12.0]


def test_page_loads_that_the_gateway_has_not_logged_are_no_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "WITHIN_S", 0.1)
    (tmp_path / "access.log").write_text(json.dumps({"uri": f"/sale/{room.ITEM}", "request_time": 0.012}) + "\n")
    with pytest.raises(RuntimeFailed, match="of 2 page loads the gateway has logged 1"):
        room.request_times_ms(tmp_path / "access.log", 0, 2)
