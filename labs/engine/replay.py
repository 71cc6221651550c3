"""Look at a run again, without a shop: everything is computed anew from the samples in its folder."""

from collections.abc import Callable
from pathlib import Path

from labs.catalogue import lab_named
from labs.engine import keep
from labs.engine.bench import Event
from labs.engine.evaluate import Evaluation, evaluate
from labs.engine.folder import RUNS, NoSuchRun, RunFolder
from labs.engine.outcome import LabResult
from labs.lab import Answer
from labs.report import write_report


def replay(run: str | Path, *, runs: Path = RUNS, on_event: Callable[[Event], None] = lambda event: None) -> LabResult:
    """The result of a kept run and, again, its report. `on_event` hears the journal's lines. Raises `NoSuchRun`."""
    folder = RunFolder.find(run, runs)
    journal = folder.read_json("journal.json")
    if "lab" not in journal:
        raise NoSuchRun(f"{folder.path} is no run of a lab; an experiment is repeated with: ./shoplab experiments FILE")
    lab = lab_named(journal["lab"])
    for event in journal.get("events", []):
        on_event(Event(**event))
    phases = keep.read_loads(folder, journal.get("loads", {}))
    answers = {name: Answer(**answer) for name, answer in folder.read_json("predictions.json").items()}
    evaluation = Evaluation(
        reasons=journal.get("reasons", ["the run did not end"]), interrupted=journal.get("interrupted", False)
    )
    if journal.get("findings"):
        evaluation = evaluate(lab, keep.seen(folder, phases), answers, journal["damage"])
    if journal.get("status") != "running":  # one that was killed has nothing to report
        write_report(lab, folder, phases)
    return evaluation.result(lab.slug, folder.path, journal.get("seconds", 0.0))
