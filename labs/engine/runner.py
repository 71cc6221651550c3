"""Run one lab: gate, steady state, method, rollback, steady state again, judgement, report.

Whatever happens after the gate, including Ctrl-C, everything is taken back: a deviation is a lab's normal result.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from labs.engine import gate, keep
from labs.engine.bench import Bench, Event, StartLoad
from labs.engine.course import Course
from labs.engine.environment import environment
from labs.engine.evaluate import Evaluation, evaluate
from labs.engine.folder import RUNS, RunFolder
from labs.engine.outcome import LabBroke, LabResult
from labs.engine.undo import UndoList, finish_interrupted
from labs.engine.verdict import unmet
from labs.lab import Answer, Lab, Probe, View, sentence
from labs.load import start_load
from labs.load.process import OnProgress
from labs.report import write_report
from labs.shop import Shop


def run_lab(
    lab: Lab,
    shop: Shop,
    *,
    answers: Mapping[str, Answer] | None = None,
    predict: bool = True,
    quick: bool = False,
    seed: int = 1,
    inject: bool = True,
    runs: Path = RUNS,
    on_event: Callable[[Event], None] = lambda event: None,
    on_progress: OnProgress = lambda progress: None,
    start: StartLoad = start_load,
) -> LabResult:
    """Run a lab on a shop, keep it under `runs`. Raises `PredictionsMissing` before anything is touched, or `LabBroke`.

    `predict=False` opens the gate for instructors. `inject=False` leaves the faults out: the findings must fail then.
    """
    checked = gate.check(lab, answers or {}) if predict else {}
    options = {"quick": quick, "seed": seed, "inject": inject, "predict": predict}
    try:
        folder, head = _begin(lab, shop, runs, options, checked)
    except OSError as error:  # a full disk, somebody else's folder
        raise LabBroke(f"the run cannot be kept: {error}", LabResult(lab=lab.slug, verdict="unknown")) from error
    bench = Bench(
        lab=lab, shop=shop, undo=UndoList(folder, shop.name), start=start, quick=quick, seed=seed, inject=inject,
        on_event=on_event, on_progress=on_progress,
    )  # fmt: skip
    course, evaluation = _go(bench, runs), Evaluation()
    with _not_now(bench, course, "writing the run down"), course.breaking():
        evaluation = _conclude(bench, folder, head, course, checked)
    result = evaluation.result(lab.slug, folder.path, course.seconds, course.interrupted)
    if course.broke:
        raise LabBroke(f"{course.broke.splitlines()[0]} ({course.left}; the run is in {folder.path})", result)
    return result


def _begin(
    lab: Lab, shop: Shop, runs: Path, options: Mapping[str, Any], answers: Mapping[str, Answer]
) -> tuple[RunFolder, dict[str, Any]]:
    """A folder that says what is about to be run, the predictions sealed in it; and how its journal begins."""
    began = datetime.now(UTC)
    folder = RunFolder.create(runs, lab.slug, began)
    head = {
        "lab": lab.slug,
        "title": lab.title,
        "question": lab.question,
        "started_at": began.isoformat(),
        "options": options,
        "predictions_sha256": folder.seal("predictions.json", {name: asdict(each) for name, each in answers.items()}),
    }
    folder.write_json("journal.json", head | {"status": "running"})
    folder.write_json("env.json", environment(shop, options["seed"]))
    return folder, head


def _go(bench: Bench, runs: Path) -> Course:
    course = Course()
    with _terminated_like_interrupted():
        with course.interruptible("before the end"), course.breaking():
            _experiment(bench, course, runs)
        with _not_now(bench, course, "still rolling back"):
            _roll_back(bench, course)
        with course.interruptible("before the steady state was proved again"):
            _prove(bench, course)
    course.measured = not course.reasons and not course.broke
    course.seconds = round(time.monotonic() - bench.began, 1)
    return course


def _experiment(bench: Bench, course: Course, runs: Path) -> None:
    for tried in finish_interrupted(bench.shop, runs):
        bench.say("rollback", f"left by an interrupted run: {tried['undo']}")
    if bench.lab.fresh:
        bench.shop.reset()
    course.before = _steady_state(bench, "before")
    course.reasons += unmet(course.before, "before the method")
    if course.reasons:
        return bench.say("stop", "the steady state is not met: nothing to learn from breaking a broken shop")
    for step in (*bench.lab.prepare, *bench.lab.method):
        bench.say("step", sentence(step))
        step(bench)


def _steady_state(bench: Bench, when: str) -> list[dict[str, Any]]:
    bench.say("step", f"Steady state {when} the method")
    phase = f"steady_{when}"
    bench.load(phase, bench.lab.steady_load)
    view = View(shop=bench.shop, load=bench.phases[phase].counted)
    return [_probe(bench, probe, view) for probe in bench.lab.steady_state]


def _probe(bench: Bench, probe: Probe, view: View) -> dict[str, Any]:
    value = probe.measure(view)
    holds = probe.holds(value)
    tolerance = f"{probe.low:g} to {probe.high:g} {probe.unit}".rstrip()
    bench.say("probe", f"{probe.name}: {value:g} {probe.unit} ({tolerance}) {'ok' if holds else 'NOT MET'}")
    return {"name": probe.name, "value": value, "unit": probe.unit, "tolerance": tolerance, "holds": holds}


def _roll_back(bench: Bench, course: Course) -> None:
    bench.say("step", "Roll everything back")
    course.rollback = bench.undo.roll_back(bench.shop)
    bench.faults_end()
    for tried in course.rollback:
        bench.say("rollback", f"{tried['undo']}: {'done' if tried['ok'] else tried['detail']}")
    course.damage += [f"could not be taken back: {t['undo']} ({t['detail']})" for t in course.rollback if not t["ok"]]


def _prove(bench: Bench, course: Course) -> None:
    """Only a run that touched the shop, or found it well, has something to prove; one without its fault has nothing to
    recover from.
    """
    if course.broke or unmet(course.before, "") or not bench.inject:
        return
    try:
        course.after = _steady_state(bench, "after")
        course.damage += unmet(course.after, "after the rollback")
    except Exception as error:
        course.damage.append(f"the steady state could not be proved again: {error}")


def _conclude(
    bench: Bench, folder: RunFolder, head: dict[str, Any], course: Course, answers: Mapping[str, Answer]
) -> Evaluation:
    """Keep, judge and draw. The journal is written whatever comes of that."""
    evaluation = Evaluation(reasons=[*course.reasons, *course.damage])
    with course.breaking():
        keep.keep_loads(folder, bench.phases)
    with course.breaking():
        keep.keep_observed(folder, bench)
        if course.measured and not course.broke:
            evaluation = evaluate(bench.lab, keep.seen(folder, bench.phases), answers, course.damage)
    _write_down(bench, folder, head, course, evaluation)
    if not course.broke:
        with course.breaking():
            write_report(bench.lab, folder, bench.phases)
        if course.broke:
            _write_down(bench, folder, head, course, evaluation)
    return evaluation


def _write_down(bench: Bench, folder: RunFolder, head: dict[str, Any], course: Course, evaluation: Evaluation) -> None:
    folder.write_text("logs/run.log", "".join(f"{e.at_s:8.3f} {e.kind:9} {e.text}\n" for e in bench.events))
    rest: dict[str, Any] = {"status": "broken" if course.broke else "done", "broke": course.broke}
    rest |= {"steady_state": {"before": course.before, "after": course.after}, "seconds": course.seconds}
    rest |= {"rollback": course.rollback, "damage": course.damage}
    rest |= {"interrupted": course.interrupted, "measured": course.measured}
    folder.write_json("journal.json", head | rest | keep.journal(bench) | evaluation.to_json())


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does, with its rollback. Signals can only be caught in the main thread."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handler(signal.SIGTERM, interrupt):
        yield


@contextmanager
def _not_now(bench: Bench, course: Course, doing: str) -> Iterator[None]:
    """Ctrl-C must not stop what is to be done after every run; it is remembered, for who wanted more runs."""

    def later(number: int, frame: FrameType | None) -> None:
        course.interrupted = True
        bench.say("stop", f"{doing}; a moment, please")

    with _handler(signal.SIGINT, later), _handler(signal.SIGTERM, later):
        yield


@contextmanager
def _handler(number: signal.Signals, handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, former)
