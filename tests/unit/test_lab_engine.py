"""The engine with a shop and a load that are made up: what it does when things go well, badly and very badly."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labs import notebook
from labs.engine import keep
from labs.engine import replay as replaying
from labs.engine.bench import Bench, Phase
from labs.engine.compare import compare
from labs.engine.folder import NoSuchRun, RunFolder
from labs.engine.gate import PredictionsMissing
from labs.engine.outcome import LabBroke, LabResult
from labs.engine.runner import run_lab
from labs.engine.stability import stability
from labs.engine.undo import Undo, UndoList, finish_interrupted
from labs.engine.verdict import EXIT_BROKEN
from labs.lab import Answer, Finding, Interview, Lab, LoadPlan, Number, Row, Seen, Step, Teaching
from labs.load import LoadResult, Schedule, constant
from labs.load.sample import Sample
from labs.probes import all_ready, failures, invariants, p99_below


class FakeShop:
    """Remembers what was done to it. `slow` is whether a fault is on; `broken` verbs raise."""

    url, runtime, name = "http://shop.invalid", "local", "toy"

    def __init__(self) -> None:
        self.replicas, self.policy, self.slow, self.sick = 2, "round_robin", False, False
        self.flag = "default"
        self.calls: list[str] = []
        self.broken: set[str] = set()
        self.on_call: Callable[[str], None] = lambda verb: None

    def status(self) -> list[dict[str, Any]]:
        names = [f"catalog-{number + 1}" for number in range(self.replicas)]
        return [{"name": name, "service": "catalog", "kind": "service", "ready": not self.sick} for name in names]

    def scale(self, service: str, n: int, /) -> None:
        self._called("scale")
        self.replicas = n

    def lane(self, sku: str, /) -> None:
        self._called("lane")

    def balance(self, service: str, policy: str, /) -> None:
        self._called("balance")
        self.policy = policy

    def set_fault(self, fault: str, target: str, /, **params: Any) -> None:
        self._called("set_fault")
        self.slow = True

    def heal(self) -> list[str]:
        self._called("heal")
        self.slow = False
        return []

    def check(self) -> list[str]:
        return []

    def flags(self) -> list[dict[str, Any]]:
        return []

    def set_flag(self, name: str, value: Any, /) -> None:
        self._called("set_flag")
        self.flag = value

    def redeliver(self, queue: str, /) -> int:
        self._called("redeliver")
        return 2

    def recall(self) -> int:
        self._called("recall")
        return 1

    def restock(self, sku: str, left: int, /) -> int:
        self._called("restock")
        return 3

    def start_sale(self, sku: str, stock: int, rate: float, /) -> dict[str, Any]:
        self._called("start_sale")
        return {}

    def stop_sale(self) -> None:
        self._called("stop_sale")

    def resend(self) -> int:
        self._called("resend")
        return 1

    def metrics(self, service: str, /) -> dict[str, float]:
        return {"shop_cache_loads_total": 3.0}

    def queues(self) -> dict[str, int]:
        return {"fulfilment": 5}

    def caches(self) -> dict[str, dict[str, float]]:
        return {}

    def cache_entries(self) -> dict[str, dict[str, float]]:
        return {}

    def rows(self, query: str, node: str = "", /) -> list[dict[str, Any]]:
        return []

    def moves(self) -> list[dict[str, Any]]:
        return []

    def switchover(self, to: str, /) -> None:
        self._called("switchover")

    def reset(self) -> None:
        self._called("reset")

    def _called(self, verb: str) -> None:
        self.calls.append(verb)
        self.on_call(verb)
        if verb in self.broken:
            raise RuntimeError(f"{verb} does not work")

    @property
    def as_found(self) -> bool:
        return (self.replicas, self.policy, self.slow, self.flag) == (2, "round_robin", False, "default")


class FakeLoads:
    """Loads that are over at once: 2 ms each, or 300 ms while the shop is slow; late by `lag_s`."""

    def __init__(self, shop: FakeShop, lag_s: float = 0.0) -> None:
        self.shop, self.lag_s = shop, lag_s

    def __call__(self, url: str, schedule: Schedule, mix: str, *, seed: int, progress: object) -> "FakeLoads":
        self.schedule, self.seed, self.mix = schedule, seed, mix
        return self

    def wait(self) -> LoadResult:
        samples = [self._sample(at, number) for number, at in enumerate(self.schedule.arrivals)]
        return LoadResult(
            mix=self.mix, arrival=self.schedule.name, rate=self.schedule.rate, duration_s=self.schedule.duration_s,
            seed=self.seed, started_at=time.time(), samples=samples,
        )  # fmt: skip

    def stop(self) -> None:
        """Nothing runs."""

    def _sample(self, at: float, number: int) -> Sample:
        took = (0.3 if self.shop.slow else 0.002) + (number % 7) / 10_000
        sent = at + self.lag_s
        return Sample(
            intended_s=at, what="product", client="10.77.1.2", sent_s=sent, done_s=sent + took, outcome="ok",
            status=200, replica="catalog-1",
        )  # fmt: skip


def change_everything(shop: Bench) -> None:
    """Scale, balance and break."""
    shop.scale("catalog", 4)
    shop.balance("catalog", "least_conn")
    shop.flag("catalog.single_flight", "off")
    shop.fault("http_delay", "catalog-1", fixedDelay=0.3)
    shop.load("broken")


def toy_lab(*method: Step) -> Lab:
    return Lab(
        slug="toy", topic="load_balancing", title="Toy", minutes=1, question="Is it slow?", goal="say so", map="shop",
        predictions=(Number(id="p50", text="How slow?", unit="ms", low=0, high=999, measured="p50_ms"),),
        steady_state=(all_ready(), failures(), p99_below(100), invariants()),
        steady_load=LoadPlan(mix="products", rate=50, seconds=2, quick_seconds=2, warm_up_s=0),
        load=LoadPlan(mix="products", rate=100, seconds=6, quick_seconds=6),
        prepare=(), method=method or (change_everything,),
        measure=lambda seen: {"p50_ms": seen["broken"].latency.percentile(50)},
        findings=lambda n: [Finding(claim="It is slow", holds=n["p50_ms"] >= 300, measured=f"{n['p50_ms']:.0f}",
                                    expected="300")],
        rows=lambda n: [Row(what="p50", unit="ms", formula="d", expected=300, measured=n["p50_ms"], question="p50")],
        plots=lambda seen, n: {},
        teaching=Teaching(explanation=lambda n: f"It took {n['p50_ms']:.0f} ms", artifacts="none", mitigation="heal",
                          questionnaire=(("Why?", "Because."),), further="More.", notes="None.",
                          interview=Interview(question="Why?", short=lambda n: "So.", long=lambda n: "So it is.")),
    )  # fmt: skip


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop()


@pytest.fixture
def run(shop: FakeShop, tmp_path: Path) -> Callable[..., LabResult]:
    def run(lab: Lab | None = None, lag_s: float = 0.0, **options: Any) -> LabResult:
        options = {"predict": False, "runs": tmp_path, "start": FakeLoads(shop, lag_s)} | options
        return run_lab(lab or toy_lab(), shop, **options)

    return run


Run = Callable[..., LabResult]
GONE = {"pid": os.getpid(), "began": 0.0}
"""A process id that has been given to somebody else since."""


def journal(result: LabResult) -> Any:
    return json.loads((result.run_dir / "journal.json").read_text())


def test_a_run_passes_and_leaves_the_shop_as_it_was_found(run: Run, shop: FakeShop) -> None:
    result = run()
    assert (result.verdict, result.exit_code, result.reasons) == ("pass", 0, [])
    assert shop.as_found and "set_fault" in shop.calls


def test_the_contract_of_the_final_object(run: Run) -> None:
    report = run(predict=True, answers={"p50": Answer(value=290, because="the delay")}).to_json()
    assert {"lab", "verdict", "findings", "predictions", "run_dir", "seconds"} <= set(report)
    assert set(report["findings"][0]) == {"claim", "holds", "measured", "expected"}
    assert report["predictions"][0]["right"] is True


def test_the_run_refuses_before_anything_is_touched_until_the_predictions_are_there(
    run: Run, shop: FakeShop, tmp_path: Path
) -> None:
    with pytest.raises(PredictionsMissing, match="p50"):
        run(predict=True)
    assert shop.calls == [] and list(tmp_path.iterdir()) == []


def test_predictions_are_sealed_before_the_method(run: Run) -> None:
    result = run(predict=True, answers={"p50": Answer(value=5)})
    sealed = result.run_dir / "predictions.json"
    assert sealed.stat().st_mode & 0o222 == 0
    assert journal(result)["predictions_sha256"] == RunFolder(result.run_dir).digest("predictions.json")


def test_without_its_fault_the_finding_fails(run: Run, shop: FakeShop) -> None:
    result = run(inject=False)
    assert (result.verdict, result.exit_code) == ("fail", 1)
    assert "set_fault" not in shop.calls and shop.as_found


def everybody_comes(shop: Bench) -> None:
    """A rush."""
    shop.rush("broken", LoadPlan(mix="products", rate=400, seconds=6, quick_seconds=6))


def test_a_rush_is_a_fault_in_the_journal_and_the_mutation_test_leaves_it_out(run: Run) -> None:
    crowded, calm = journal(run(toy_lab(everybody_comes))), journal(run(toy_lab(everybody_comes), inject=False))
    assert [load["loads"]["broken"]["rate"] for load in (crowded, calm)] == [400, 100]
    (rush,) = crowded["faults"]
    assert rush["fault"] == "rush" and rush["from"] <= rush["until"]
    assert calm["faults"] == []


def a_blink_and_a_while(shop: Bench) -> None:
    """Two timed faults, healed between their ends."""
    shop.fault("latency", "catalog>memcached-1", latency=5, for_s=0.01)
    shop.fault("latency", "catalog>memcached-2", latency=5, for_s=60)
    time.sleep(0.03)
    shop.heal()
    shop.load("broken")


def test_a_timed_fault_ends_in_the_journal_when_its_time_is_over_or_when_it_is_healed(run: Run) -> None:
    blink, cut_short = journal(run(toy_lab(a_blink_and_a_while)))["faults"]
    assert blink["until"] - blink["from"] == pytest.approx(0.01, abs=1e-5)
    assert 0.01 < cut_short["until"] - cut_short["from"] < 60


def test_a_baseline_that_is_not_met_is_unknown_and_nothing_is_broken(run: Run, shop: FakeShop) -> None:
    shop.sick = True
    result = run()
    assert (result.verdict, result.exit_code, shop.calls) == ("unknown", 2, [])
    assert "components not ready" in result.reasons[0]


def test_a_generator_that_lags_makes_the_run_unknown(run: Run) -> None:
    result = run(replace(toy_lab(), steady_state=()), lag_s=0.2)
    assert result.verdict == "unknown" and "lagged" in result.reasons[0]


def test_too_few_samples_make_the_run_unknown(run: Run) -> None:
    lab = replace(toy_lab(), load=LoadPlan(mix="products", rate=10, seconds=6, quick_seconds=6))
    assert "samples" in run(lab).reasons[0]


def test_a_load_of_another_seed_asks_for_other_things_in_the_same_run(run: Run) -> None:
    plan = LoadPlan(mix="products", rate=100, seconds=6, quick_seconds=6, seed=4)
    result = run(replace(toy_lab(), load=plan), seed=10)
    assert {name: load["seed"] for name, load in journal(result)["loads"].items()}["broken"] == 14


def test_a_step_that_raises_breaks_the_harness_but_not_the_shop(run: Run, shop: FakeShop) -> None:
    def explode(shop: Bench) -> None:
        raise ZeroDivisionError

    with pytest.raises(LabBroke, match="ZeroDivisionError"):
        run(toy_lab(change_everything, explode))
    assert shop.as_found


def test_a_run_whose_watcher_goes_away_goes_on_and_is_taken_back(run: Run, shop: FakeShop) -> None:
    def gone(event: object) -> None:
        if "set_fault" in shop.calls and "heal" not in shop.calls:
            raise BrokenPipeError

    assert run(on_event=gone).verdict == "pass" and shop.as_found


def test_numbers_that_cannot_be_computed_break_the_harness_and_the_journal_says_so(run: Run) -> None:
    with pytest.raises(LabBroke, match=r"KeyError.*nothing is left behind") as caught:
        run(replace(toy_lab(), measure=lambda seen: {"p50_ms": seen["nowhere"].rate}))
    told = journal(caught.value.result)
    assert (told["status"], told["verdict"]) == ("broken", "unknown") and "Traceback" in told["broke"]
    assert str(caught.value.result.run_dir) in str(caught.value)


def test_a_plot_that_cannot_be_drawn_breaks_the_harness_after_the_journal_is_written(run: Run) -> None:
    with pytest.raises(LabBroke, match="ZeroDivisionError") as caught:
        run(replace(toy_lab(), plots=lambda seen, n: {"all": 1 / 0}))
    told = journal(caught.value.result)
    assert (told["status"], told["verdict"]) == ("broken", "pass") and "Traceback" in told["broke"]
    kept = caught.value.result
    assert (kept.verdict, kept.exit_code, kept.findings[0].holds) == ("unknown", EXIT_BROKEN, True)
    assert str(kept.run_dir) in str(caught.value)


def test_a_run_that_has_nowhere_to_be_kept_is_a_broken_harness(run: Run, shop: FakeShop, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabBroke, match="cannot be kept") as caught:
        run(runs=tmp_path / "file")
    assert caught.value.result.to_json()["run_dir"] is None and shop.calls == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_termination_in_the_middle_roll_back_and_prove_it(run: Run, shop: FakeShop, number: int) -> None:
    result = run(toy_lab(change_everything, lambda bench: os.kill(os.getpid(), number)))
    assert result.verdict == "unknown" and result.interrupted and shop.as_found
    assert all(probe["holds"] for probe in journal(result)["steady_state"]["after"])


def test_ctrl_c_during_the_rollback_does_not_stop_it(run: Run, shop: FakeShop) -> None:
    shop.on_call = lambda verb: os.kill(os.getpid(), signal.SIGINT) if verb == "heal" else None
    result = run()
    assert result.verdict == "pass" and result.interrupted and shop.as_found


def pressing(number: int) -> Lab:
    """A lab in which somebody presses Ctrl-C, or ends the process, while the run is judged."""

    def measure(seen: Seen) -> dict[str, float]:
        os.kill(os.getpid(), number)
        return {"p50_ms": 300.0}

    return replace(toy_lab(), measure=measure)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_termination_while_the_run_is_judged_do_not_keep_it_from_being_written_down(
    run: Run, number: int
) -> None:
    result = run(pressing(number))
    told = journal(result)
    assert (told["status"], told["verdict"], result.verdict, result.interrupted) == ("done", "pass", "pass", True)
    assert any("writing the run down" in event["text"] for event in told["events"])


def test_a_harness_that_breaks_tells_that_ctrl_c_was_pressed(run: Run) -> None:
    with pytest.raises(LabBroke) as caught:
        run(replace(pressing(signal.SIGINT), plots=lambda seen, n: {"all": 1 / 0}))
    assert caught.value.result.interrupted and caught.value.result.numbers == {"p50_ms": 300.0}


def test_what_cannot_be_taken_back_is_said_and_the_rest_is_taken_back(run: Run, shop: FakeShop) -> None:
    shop.broken = {"heal"}
    result = run()
    assert result.verdict == "fail" and any("could not be taken back: heal" in reason for reason in result.reasons)
    assert (shop.replicas, shop.policy) == (2, "round_robin")


def test_on_a_full_disk_everything_is_taken_back_all_the_same(
    run: Run, shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def fill_the_disk(_bench: Bench) -> None:
        monkeypatch.setattr(RunFolder, "write_json", full)

    with pytest.raises(LabBroke, match=r"No space left on device.*nothing is left behind"):
        run(toy_lab(change_everything, fill_the_disk))
    assert shop.as_found


def test_every_undo_is_on_disk_before_the_deed(run: Run, shop: FakeShop, tmp_path: Path) -> None:
    seen: dict[str, str] = {}
    shop.on_call = lambda verb: seen.setdefault(verb, next(tmp_path.glob("toy/*/undo.json")).read_text()) and None
    run()
    assert '"scale"' in seen["scale"] and '"balance"' in seen["balance"] and '"heal"' in seen["set_fault"]


def test_the_next_run_finishes_the_rollback_of_a_killed_one(run: Run, shop: FakeShop, tmp_path: Path) -> None:
    killed = RunFolder.create(tmp_path, "toy")
    killed.write_json("undo.json", {"shop": "toy", "runner": GONE, "undo": [["scale", "catalog", 3], ["heal"]]})
    assert [tried["undo"] for tried in finish_interrupted(shop, tmp_path)] == ["heal", "scale catalog 3"]
    assert shop.replicas == 3 and finish_interrupted(shop, tmp_path) == []


def test_another_shops_undo_list_is_left_alone(shop: FakeShop, tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "toy").write_json("undo.json", {"shop": "other", "runner": GONE, "undo": [["heal"]]})
    assert finish_interrupted(shop, tmp_path) == [] and shop.calls == []


def test_the_undo_list_of_a_run_that_still_goes_on_is_left_alone(shop: FakeShop, tmp_path: Path) -> None:
    UndoList(RunFolder.create(tmp_path, "toy"), "toy").add(Undo("heal"))
    assert finish_interrupted(shop, tmp_path) == [] and shop.calls == []


def test_the_run_folder_holds_everything_and_latest_points_at_it(run: Run, tmp_path: Path) -> None:
    result = run()
    names = {path.name for path in result.run_dir.iterdir()}
    assert names >= {"journal.json", "predictions.json", "samples.csv.gz", "latency.hdr", "series.json", "plots",
                     "report.html", "logs", "env.json"}  # fmt: skip
    assert (tmp_path / "latest").resolve() == result.run_dir.resolve()


def test_the_report_works_offline_and_quotes_the_run(run: Run) -> None:
    page = (run().run_dir / "report.html").read_text()
    assert "It took 300 ms" in page or "It took 30" in page
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page) == []


def test_a_replay_says_the_same_from_the_folder_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(predict=True, answers={"p50": Answer(value=5)})
    monkeypatch.setattr(replaying, "lab_named", lambda slug: toy_lab())
    again = replaying.replay(result.run_dir)
    assert (again.verdict, again.findings, again.predictions) == (result.verdict, result.findings, result.predictions)


def test_a_load_that_ended_early_is_kept_as_one(tmp_path: Path, shop: FakeShop) -> None:
    load = FakeLoads(shop)("", constant(10, 1), "browse", seed=3, progress=None).wait()
    phases = {"broken": Phase(load=replace(load, samples=[], ended_early=True), warm_up_s=0.5)}
    keep.keep_loads(RunFolder(tmp_path), phases)
    assert keep.read_loads(RunFolder(tmp_path), keep.load_facts(phases)) == phases
    old = {name: fact for name, fact in keep.load_facts(phases)["broken"].items() if name != "ended_early"}
    assert not keep.read_loads(RunFolder(tmp_path), {"broken": old})["broken"].load.ended_early


def test_a_replay_of_a_run_that_was_killed_says_that_it_did_not_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "lab_named", lambda slug: toy_lab())
    killed = RunFolder.create(tmp_path, "toy")
    killed.seal("predictions.json", {})
    killed.write_json("journal.json", {"lab": "toy", "status": "running"})
    again = replaying.replay(killed.path)
    assert (again.verdict, again.reasons) == ("unknown", ["the run did not end"])


def broken(run: Run, lab: Lab) -> LabResult:
    with pytest.raises(LabBroke) as caught:
        run(lab)
    return caught.value.result


def test_a_replay_of_a_run_in_which_a_step_raised_says_what_broke_and_judges_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(shop: Bench) -> None:
        raise ZeroDivisionError("nothing there")

    kept = broken(run, toy_lab(change_everything, explode))
    monkeypatch.setattr(replaying, "lab_named", lambda slug: toy_lab())
    again = replaying.replay(kept.run_dir)
    assert (again.verdict, again.exit_code) == ("unknown", EXIT_BROKEN)
    assert again.reasons == ["ZeroDivisionError: nothing there"] and not (kept.run_dir / "report.html").exists()


def test_a_replay_judges_what_was_measured_once_its_numbers_can_be_computed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = broken(run, replace(toy_lab(), measure=lambda seen: {"p50_ms": seen["nowhere"].rate}))
    monkeypatch.setattr(replaying, "lab_named", lambda slug: toy_lab())
    again = replaying.replay(kept.run_dir)
    assert (again.verdict, journal(again)["verdict"]) == ("pass", "pass")
    assert "✓ holds" in (kept.run_dir / "report.html").read_text()


@pytest.mark.parametrize(("what", "file"), [("keep_observed", keep.OBSERVED), ("keep_loads", "samples.csv.gz")])
def test_a_replay_of_a_run_that_could_not_be_kept_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, what: str, file: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keep, what, full)
    kept = broken(run, toy_lab())
    monkeypatch.setattr(replaying, "lab_named", lambda slug: toy_lab())
    again = replaying.replay(kept.run_dir)
    assert (again.exit_code, again.reasons) == (EXIT_BROKEN, ["OSError: [Errno 28] No space left on device"])
    others = {keep.OBSERVED, "samples.csv.gz"} - {file}
    assert all((kept.run_dir / other).exists() for other in others)


def test_a_replay_of_an_interrupted_run_is_as_unknown_as_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = run(toy_lab(change_everything, lambda bench: os.kill(os.getpid(), signal.SIGINT)))
    monkeypatch.setattr(replaying, "lab_named", lambda slug: toy_lab())
    again = replaying.replay(kept.run_dir)
    assert (again.exit_code, again.reasons, again.findings) == (2, kept.reasons, [])


def test_what_is_no_run_of_a_lab_is_not_replayed(tmp_path: Path) -> None:
    experiment = RunFolder.create(tmp_path, "0042")
    experiment.write_json("journal.json", {"chaoslib-version": "1"})
    with pytest.raises(NoSuchRun, match="no run of a lab"):
        replaying.replay(experiment.path)


def test_a_notebook_says_of_a_run_that_measured_nothing_just_that(
    run: Run, shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "lab_named", lambda slug: toy_lab())
    shop.sick = True
    shown = notebook.Run(run(), Path())
    for said in (shown.plot(), shown.plot("broken"), shown.explanation, shown.interview):
        assert "measured nothing" in said.data


def test_a_notebook_shows_the_end_of_a_run_that_broke(
    shop: FakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise LabBroke("no room", LabResult(lab="toy", verdict="unknown", seconds=3))

    ended: list[LabResult] = []
    monkeypatch.setattr(notebook, "lab_named", lambda slug: toy_lab())
    monkeypatch.setattr(notebook, "run_lab", break_down)
    monkeypatch.setattr(notebook.Live, "end", lambda live, result: ended.append(result))
    with pytest.raises(LabBroke):
        notebook.Lab("toy", shop, tmp_path).run(predict=False)
    assert [(result.broken, result.seconds) for result in ended] == [(True, 3)]


def test_a_run_compared_with_its_like_shows_no_difference(run: Run, tmp_path: Path) -> None:
    assert compare(run().run_dir, run().run_dir).summary == "no difference"


def test_a_run_compared_with_one_without_the_fault_shows_it(run: Run) -> None:
    summary = compare(run().run_dir, run(inject=False).run_dir).summary
    assert "broken p50" in summary and "It is slow" in summary


def test_a_run_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NoSuchRun, match="no run 'toy'"):
        compare("toy", "toy", runs=tmp_path)


def test_stability_counts_how_often_each_finding_held(shop: FakeShop, tmp_path: Path) -> None:
    counts = stability(toy_lab(), shop, 3, folder=tmp_path, start=FakeLoads(shop))
    assert (counts.runs, dict(counts.held), counts.exit_code) == (3, {"It is slow": 3}, 0)


def test_a_run_that_breaks_is_counted_and_does_not_cost_the_others(shop: FakeShop, tmp_path: Path) -> None:
    def explode_at_first(bench: Bench) -> None:
        """Once."""
        if bench.seed == 1:
            raise ZeroDivisionError

    told: list[str] = []
    counts = stability(
        toy_lab(change_everything, explode_at_first), shop, 3, folder=tmp_path, start=FakeLoads(shop),
        on_run=lambda result: told.append(result.verdict),
    )  # fmt: skip
    assert (counts.runs, counts.held, counts.exit_code) == (3, {"It is slow": 2}, EXIT_BROKEN)
    assert told == ["unknown", "pass", "pass"] and "ZeroDivisionError" in counts.reasons[0]


def test_ctrl_c_ends_stability_with_what_there_is(shop: FakeShop, tmp_path: Path) -> None:
    lab = toy_lab(change_everything, lambda bench: os.kill(os.getpid(), signal.SIGINT))
    counts = stability(lab, shop, 3, folder=tmp_path, start=FakeLoads(shop))
    assert (counts.runs, counts.exit_code) == (1, 2) and shop.as_found


def test_ctrl_c_while_a_run_is_judged_ends_stability_after_it(shop: FakeShop, tmp_path: Path) -> None:
    counts = stability(pressing(signal.SIGINT), shop, 3, folder=tmp_path, start=FakeLoads(shop))
    assert (counts.runs, dict(counts.verdicts)) == (1, {"pass": 1})
