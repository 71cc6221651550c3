"""Many experiments, one after the other: each result is on disk before the next one begins, so a series can be resumed.

runs/experiments/<UTC time>/
    series.json      seed, shop, commit, machine; which faults were left out, and why
    results.jsonl    one line an experiment
    summary.md .html
    kept/0042/       of each that did not pass: experiment.json, journal.json, logs.txt
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from labs.engine.environment import environment
from labs.engine.folder import RUNS, NoSuchRun, RunFolder
from labs.experiments.draw import Experiment
from labs.experiments.run import Journal, Result
from labs.shop import Shop

HOME = RUNS / "experiments"
FRESH_EVERY = 40
"""So many experiments, then the shop is reset: shelves are full again, tables small."""
LOG_LINES = 200

Make = Callable[[int], Experiment]
Run = Callable[[int, Experiment], tuple[Result, Journal]]


class Patient(Shop, Protocol):
    """A shop whose logs can be kept."""

    def logs(self, component: str | None = None, tail: int = 50) -> list[str]: ...


@dataclass(frozen=True)
class Kept:
    """The folder of a series."""

    path: Path

    @classmethod
    def new(cls, home: Path, head: dict[str, Any]) -> "Kept":
        """An empty one; `head` says what series it is."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        names = (home / f"{stamp}{suffix}" for suffix in ["", *(f".{number}" for number in range(2, 100))])
        path = next(path for path in names if not path.exists())
        path.mkdir(parents=True)
        RunFolder(path).write_json("series.json", head)
        return cls(path)

    @classmethod
    def latest(cls, home: Path, seed: int) -> "Kept":
        """The newest series with this seed. Raises NoSuchRun."""
        for path in sorted(home.glob("*/series.json"), reverse=True):
            if json.loads(path.read_text()).get("seed") == seed:
                return cls(path.parent)
        raise NoSuchRun(f"there is no series with seed {seed} under {home} to be resumed")

    @property
    def head(self) -> dict[str, Any]:
        """What `series.json` says."""
        found: dict[str, Any] = RunFolder(self.path).read_json("series.json")
        return found

    def results(self) -> list[Result]:
        """All so far. A line that was cut off by a power cut does not count."""
        path, found = self.path / "results.jsonl", []
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                found.append(Result(**json.loads(line)))
            except ValueError:
                continue
        return found

    def add(self, result: Result) -> None:
        """On disk when this returns."""
        with (self.path / "results.jsonl").open("a") as file:
            file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")

    def keep(self, result: Result, experiment: Experiment, journal: Journal, logs: Iterable[str]) -> Path:
        """All that helps to understand an experiment that did not pass; the file that repeats it."""
        folder = RunFolder(self.path / "kept" / f"{result.number:04d}")
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.write_json("journal.json", {**journal, "result": asdict(result)})
        folder.write_text("logs.txt", "\n".join(logs))
        folder.write_json("experiment.json", experiment)
        return folder.path / "experiment.json"


@dataclass(kw_only=True)
class Series:
    """What is needed to go on: which shop, how an experiment is made, how it is run, who is told."""

    shop: Patient
    kept: Kept
    make: Make
    run: Run
    tell: Callable[[Result, Path | None], None]
    flags: dict[str, Any] = field(default_factory=dict)

    def go(self, numbers: Iterable[int]) -> bool:
        """Run these experiments; whether none interrupted it. Whatever happens, the shop is healed at the end."""
        try:
            as_new(self.shop, self.flags)
            for done, number in enumerate(numbers, 1):
                result = self._one(number)
                if result.verdict == "interrupted":
                    return False
                if result.verdict != "pass" or done % FRESH_EVERY == 0:
                    as_new(self.shop, self.flags)
        except KeyboardInterrupt:
            return False
        finally:
            self.shop.heal()
        return True

    def _one(self, number: int) -> Result:
        experiment = self.make(number)
        result, journal = self.run(number, experiment)
        if result.verdict == "interrupted":
            return result
        again = None
        if result.verdict != "pass":
            again = self.kept.keep(result, experiment, journal, self.shop.logs(tail=LOG_LINES))
        self.kept.add(result)
        self.tell(result, again)
        return result


def as_new(shop: Shop, flags: Mapping[str, Any]) -> None:
    """As on the first day, but these switches stay set."""
    shop.reset()
    for name, value in flags.items():
        shop.set_flag(name, value)


def flags_set(shop: Shop) -> dict[str, Any]:
    """The switches that are not at their defaults."""
    return {flag["name"]: flag["value"] for flag in shop.flags() if flag["value"] != flag["default"]}


def head(shop: Shop, seed: int | None, left_out: list[str], source: str) -> dict[str, Any]:
    """What a series is about: for `series.json`."""
    return {
        **environment(shop, seed or 0),
        "seed": seed,
        "source": source,
        "flags": flags_set(shop),
        "left_out": left_out,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
    }
