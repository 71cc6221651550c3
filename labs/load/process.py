"""Start a load in a process of its own, from ordinary code (also inside a notebook's running event loop)."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labs.load.generator import MAX_IN_FLIGHT, TIMEOUT_S, Order
from labs.load.mixes import find
from labs.load.result import LoadResult
from labs.load.sample import Sample
from labs.load.schedule import Schedule

ROOT = Path(__file__).resolve().parents[2]


START_S = 30.0


class LoadFailed(Exception):
    """There is no result: the shop was not there at the start, or the generator died. The message says which."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a load is. Counts so far, except `in_flight`, which is now."""

    elapsed_s: float
    offered: int
    completed: int
    failed: int
    dropped: int
    in_flight: int


OnProgress = Callable[[Progress], None]


def run_load(
    url: str, schedule: Schedule, mix: str = "browse", *, seed: int = 1, timeout_s: float = TIMEOUT_S,
    max_in_flight: int = MAX_IN_FLIGHT, progress: OnProgress | None = None,
) -> LoadResult:  # fmt: skip
    """Send the mix by the schedule and wait for the end: the schedule's time plus at most `timeout_s`."""
    load = start_load(
        url, schedule, mix, seed=seed, timeout_s=timeout_s, max_in_flight=max_in_flight, progress=progress
    )
    with load:
        return load.wait()


def start_load(
    url: str, schedule: Schedule, mix: str = "browse", *, seed: int = 1, timeout_s: float = TIMEOUT_S,
    max_in_flight: int = MAX_IN_FLIGHT, progress: OnProgress | None = None,
) -> "RunningLoad":  # fmt: skip
    """Begin a load in the background. `progress` is called about once a second, from another thread. Raises ValueError
    for an unknown mix.
    """
    find(mix)
    job = {
        "url": url, "arrivals": schedule.arrivals, "duration_s": schedule.duration_s, "mix": mix, "seed": seed,
        "timeout_s": timeout_s, "max_in_flight": max_in_flight,
    }  # fmt: skip
    return RunningLoad(job, schedule, progress)


class RunningLoad:
    """A load under way: its first request is about to be sent when this is made. Use it in a `with` block: leaving it
    ends the generator, whatever happened.
    """

    def __init__(self, job: dict[str, Any], schedule: Schedule, progress: OnProgress | None) -> None:
        self._job, self._schedule, self._progress = job, schedule, progress
        self._last: dict[str, Any] = {}
        self._begun = threading.Event()
        self._over = threading.Event()  # Ctrl-C in `Thread.join` makes Python 3.11 take the thread for ended
        command = [sys.executable, "-m", "labs.load.worker"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, name="load", daemon=True)
        self._reader.start()
        try:
            self._begin()
        except BaseException:  # interrupted: nobody else has this object yet, and could end the generator
            self.stop()
            raise

    def __enter__(self) -> "RunningLoad":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self) -> LoadResult:
        """Block until the load is over. Raises `LoadFailed`."""
        self._over.wait(self._schedule.duration_s + self._job["timeout_s"] + 30)
        if "result" not in self._last:
            raise LoadFailed(self._last.get("error", "the load generator ended, or hangs, without a result"))
        return self._result(self._last["result"])

    def end(self) -> LoadResult:
        """Send nothing more, and tell a second later what was measured so far. Raises `LoadFailed`."""
        self._process.terminate()
        return self.wait()

    def stop(self) -> None:
        """End the generator at once; requests under way are abandoned."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()

    def _begin(self) -> None:
        assert self._process.stdin
        with self._process.stdin:
            self._process.stdin.write(json.dumps(self._job) + "\n")
        self._begun.wait(START_S)

    def _read(self) -> None:
        assert self._process.stdout
        try:
            for line in self._process.stdout:
                self._begun.set()
                message = json.loads(line)
                if "progress" in message and self._progress:
                    self._progress(Progress(**message["progress"]))
                self._last = message
        finally:
            self._begun.set()
            self._over.set()

    def _result(self, recording: dict[str, Any]) -> LoadResult:
        return LoadResult(
            mix=self._job["mix"],
            arrival=self._schedule.name,
            rate=self._schedule.rate,
            duration_s=self._schedule.duration_s,
            seed=self._job["seed"],
            started_at=recording["started_at"],
            samples=[Sample(**sample) for sample in recording["samples"]],
            orders=[Order(**order) for order in recording["orders"]],
            mean_in_flight=recording["mean_in_flight"],
            seconds=recording["seconds"],
            ended_early=recording["ended_early"],
        )
