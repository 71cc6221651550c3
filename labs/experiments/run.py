"""Run one experiment with Chaos Toolkit, and judge its journal.

pass         well before, well after, every promise kept, nothing left behind
fail         a promise was broken, the shop did not get well again, or could not be healed
unknown      it was not well before: nothing to learn from breaking a broken shop
interrupted  Ctrl-C; it was healed, and counts for nothing
"""

import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid, run_experiment
from chaoslib.loader import parse_experiment_from_file

from labs.control.client import ControlFailed
from labs.control.place import NotRunning
from labs.experiments import actions
from labs.experiments.draw import BadExperiment, Experiment, roles, strikes_of
from labs.experiments.promises import Broken
from labs.faults import find
from labs.faults.fault import UnknownFault, near

Verdict = Literal["pass", "fail", "unknown", "interrupted"]
ALWAYS = {"runtime": {"rollbacks": {"strategy": "always"}}}
"""Chaos Toolkit's own default leaves a fault in place when an experiment fails; ours never does."""

Journal = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One experiment: a line of the results file. `struck`: fault@target; those the shop refused are in `refused`, with
    the reason. `failed` of `requests` had no answer or an error; `recover_s` as in `shoppers.Seen`.
    """

    number: int
    verdict: Verdict
    struck: Sequence[str]
    refused: Sequence[str] = ()
    requests: int = 0
    failed: int = 0
    confirmed: int = 0
    recover_s: float | None = None
    tried_again: int = 0
    put_back: int = 0
    seconds: float = 0.0
    broken: Sequence[Broken] = field(default_factory=list)
    reasons: Sequence[str] = ()


def load(path: Path, targets: dict[str, list[str]]) -> Experiment:
    """An experiment of one's own, as JSON or YAML. Raises BadExperiment, UnknownFault before anything is touched."""
    try:
        experiment = parse_experiment_from_file(str(path))
        with _quiet():
            ensure_experiment_is_valid(experiment)
    except (ChaosException, OSError, ValueError, AttributeError, TypeError) as error:
        raise BadExperiment(f"{path} is no experiment of Chaos Toolkit: {error}") from error
    for activity in strikes_of(experiment):
        _can_strike(activity["provider"]["arguments"], targets)
    return dict(experiment)


def run(number: int, experiment: Experiment, shop: str) -> tuple[Result, Journal]:
    """Do it on the shop of that name. Returns when everything is healed and the shoppers are at home, whom a file may
    forget; also after Ctrl-C.
    """
    began = time.monotonic()
    actions.forget()
    with _quiet(), _named(shop):
        journal = run_experiment(deepcopy(experiment), settings=ALWAYS)
    actions.send_shoppers_home()
    result = judge(number, experiment, journal, time.monotonic() - began)
    if result.verdict == "pass" and not _proved(journal):
        result = replace(prove(result, shop), seconds=round(time.monotonic() - began, 1))
    return result, journal


def judge(number: int, experiment: Experiment, journal: Journal, seconds: float) -> Result:
    """What a journal says."""
    if journal["status"] == "interrupted":
        return Result(number=number, verdict="interrupted", struck=[])
    strikes = [run for run in journal["run"] if run["activity"] in strikes_of(experiment)]
    struck = [_words(run["activity"]) for run in strikes if run["status"] == "succeeded"]
    refused = [f"{_words(run['activity'])}: {_why(run)}" for run in strikes if run["status"] != "succeeded"]
    seen, put_back = _output(journal, "shoppers_go_home") or {}, _output(journal, "put_dead_letters_back") or 0
    broken, reasons = _broken(journal["steady_states"]["after"]), list(_reasons(journal))
    return Result(
        number=number, verdict=_verdict(journal, reasons), struck=struck, refused=refused,
        requests=seen.get("requests", 0), failed=seen.get("failed", 0), confirmed=seen.get("confirmed", 0),
        recover_s=seen.get("recover_s"), tried_again=seen.get("tried_again", 0), put_back=put_back,
        seconds=round(seconds, 1), broken=broken, reasons=reasons,
    )  # fmt: skip


def prove(result: Result, shop: str) -> Result:
    """A file need not ask about the promises: an experiment that broke one fails all the same."""
    try:
        broken = actions.broken_promises({"shop": shop})["broken"]
    except (ControlFailed, NotRunning) as error:
        return replace(result, verdict="fail", reasons=[f"afterwards: {error}"])
    reasons = [f"afterwards: {_short({'broken': broken})}"] if broken else []
    return replace(result, verdict="fail" if broken else "pass", broken=broken, reasons=reasons)


def _proved(journal: Journal) -> bool:
    probes = (journal["steady_states"]["after"] or {"probes": []})["probes"]
    return any(probe["activity"]["provider"].get("func") == "broken_promises" for probe in probes)


def _verdict(journal: Journal, reasons: Sequence[str]) -> Verdict:
    if not (journal["steady_states"]["before"] or {}).get("steady_state_met", True):
        return "unknown"
    return "fail" if reasons else "pass"


def _reasons(journal: Journal) -> Iterator[str]:
    """Everything that went wrong, but a strike that was refused."""
    for when in ("before", "after"):
        state = journal["steady_states"][when] or {"probes": []}
        for probe in state["probes"]:
            if not probe["tolerance_met"]:
                found = probe["output"] if probe["status"] == "succeeded" else _why(probe)
                yield f"{when}: {probe['activity']['name']}: {_short(found)}"
    for activity in (*journal["run"], *journal["rollbacks"]):
        if activity["status"] != "succeeded" and activity["activity"]["provider"].get("func") != "strike":
            yield f"{activity['activity']['name']}: {_why(activity)}"


def _broken(state: dict[str, Any] | None) -> list[Broken]:
    outputs = [probe["output"] for probe in (state or {"probes": []})["probes"]]
    return [each for output in outputs if isinstance(output, dict) for each in output.get("broken", [])]


def _output(journal: Journal, func: str) -> Any:
    outputs = [run["output"] for run in journal["run"] if run["activity"]["provider"].get("func") == func]
    return outputs[-1] if outputs else None


def _short(found: Any) -> str:
    if isinstance(found, dict) and "broken" in found:
        return "; ".join(f"{each['promise']}: {each['found']}" for each in found["broken"])
    return str(found)


def _words(activity: dict[str, Any]) -> str:
    arguments = activity["provider"]["arguments"]
    return f"{arguments['fault']}@{arguments['target']}"


def _why(run: dict[str, Any]) -> str:
    said = str((run.get("exception") or ["it did not end"])[-1]).strip()
    return re.sub(r"^[\w.]*ActivityFailed: (?:[\w.]+: )?", "", said)


def _can_strike(arguments: dict[str, Any], targets: dict[str, list[str]]) -> None:
    """Raises UnknownFault naming the near ones."""
    fault, target = find(str(arguments.get("fault", ""))), str(arguments.get("target", ""))
    fault.read(arguments.get("given") or {})
    if target not in (*targets.get(fault.name, []), *roles(fault)):
        raise UnknownFault(f"{fault.name} cannot strike {target!r} here; {near(target, targets.get(fault.name, []))}")


@contextmanager
def _named(shop: str) -> Iterator[None]:
    """Experiments find their shop in the environment, also when `chaos run` does them."""
    former = os.environ.get("SHOPLAB_NAME")
    os.environ["SHOPLAB_NAME"] = shop
    try:
        yield
    finally:
        os.environ.pop("SHOPLAB_NAME")
        if former is not None:
            os.environ["SHOPLAB_NAME"] = former


@contextmanager
def _quiet() -> Iterator[None]:
    """All that Chaos Toolkit logs is in the journal too."""
    logger = logging.getLogger("chaostoolkit")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False
