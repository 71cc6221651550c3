"""Look at a run again, without a shop: everything is computed anew from the samples in its folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from labs.catalogue import lab_named
from labs.engine import keep
from labs.engine.bench import Event
from labs.engine.evaluate import Evaluation, evaluate
from labs.engine.folder import RUNS, NoSuchRun, RunFolder
from labs.engine.outcome import LabBroke, LabResult
from labs.lab import Answer, Lab
from labs.report import write_report


def replay(run: str | Path, *, runs: Path = RUNS, on_event: Callable[[Event], None] = lambda event: None) -> LabResult:
    """The result of a kept run and, again, its report. `on_event` hears the journal's lines. Raises `NoSuchRun`.

    A run that broke is judged now if it was measured and kept, and if that does not raise again; else it stays broken,
    without a report.
    """
    folder = RunFolder.find(run, runs)
    journal = folder.read_json("journal.json")
    if "lab" not in journal:
        raise NoSuchRun(f"{folder.path} is no run of a lab; an experiment is repeated with: ./shoplab experiments FILE")
    lab = lab_named(journal["lab"])
    for event in journal.get("events", []):
        on_event(Event(**event))
    if journal.get("status") == "running":  # it was killed
        return Evaluation(reasons=["the run did not end"]).result(lab.slug, folder.path, 0.0)
    measured = journal.get("measured", bool(journal.get("findings")))  # an older run does not say it
    broke = journal.get("broke", "").partition("\n")[0]
    broken = LabBroke(broke, Evaluation().result(lab.slug, folder.path, journal["seconds"])).result
    if broke and not measured:
        return broken
    try:
        evaluation = _judge(lab, folder, journal, measured)
    except Exception:
        if not broke:
            raise
        return broken
    return evaluation.result(lab.slug, folder.path, journal["seconds"])


def _judge(lab: Lab, folder: RunFolder, journal: dict[str, Any], measured: bool) -> Evaluation:
    """The journal is brought up to date, because the report tells what is in it."""
    evaluation, phases = Evaluation(reasons=journal["reasons"]), keep.read_loads(folder, journal["loads"])
    if measured:
        answers = {name: Answer(**answer) for name, answer in folder.read_json("predictions.json").items()}
        evaluation = evaluate(lab, keep.seen(folder, phases), answers, journal["damage"])
        folder.write_json("journal.json", journal | evaluation.to_json())
    write_report(lab, folder, phases)
    return evaluation
