"""Write a run down, and read back what it saw."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import hdrh.log

from labs.engine.bench import Bench, Phase
from labs.engine.folder import RunFolder
from labs.engine.series import series
from labs.lab import Seen
from labs.load import LoadResult
from labs.load.generator import Order
from labs.load.sample import read_samples, write_samples

hdr: Any = hdrh.log


FACTS = (
    "mix", "arrival", "rate", "duration_s", "seed", "started_at", "seconds", "mean_in_flight", "ended_early",
)  # fmt: skip
"""What the journal keeps of a load as it is; an older run lacks the last ones."""


def keep_loads(folder: RunFolder, phases: Mapping[str, Phase]) -> None:
    """samples.csv.gz, latency.hdr and series.json, the warm-up included."""
    write_samples(folder.path / "samples.csv.gz", {name: phase.load.samples for name, phase in phases.items()})
    folder.write_json("series.json", {name: series(phase.load) for name, phase in phases.items()})
    _write_histograms(folder, phases)


def load_facts(phases: Mapping[str, Phase]) -> dict[str, Any]:
    """What the journal says about each load, beside its samples."""
    return {name: _facts(phase) for name, phase in phases.items()}


def read_loads(folder: RunFolder, facts: Mapping[str, Any]) -> dict[str, Phase]:
    """The loads of a kept run, as they were."""
    samples = read_samples(folder.path / "samples.csv.gz") if facts else {}
    return {
        phase: Phase(
            load=LoadResult(
                samples=samples.get(phase, []),
                orders=[Order(**order) for order in fact["orders"]],
                **{name: fact[name] for name in FACTS if name in fact},
            ),
            warm_up_s=fact["warm_up_s"],
        )
        for phase, fact in facts.items()
    }


OBSERVED = "observed.json"


def keep_observed(folder: RunFolder, bench: Bench) -> None:
    """observed.json: what was counted and sampled beside the loads."""
    folder.write_json(OBSERVED, {"facts": bench.facts, "series": bench.series})


def seen(folder: RunFolder, phases: Mapping[str, Phase]) -> Seen:
    """All that a run saw, with the loads that are given."""
    observed = folder.read_json(OBSERVED)
    series = {name: [(at, value) for at, value in points] for name, points in observed["series"].items()}
    loads = {name: phase.counted for name, phase in phases.items()}
    return Seen(loads=loads, facts=observed["facts"], series=series)


def journal(bench: Bench) -> dict[str, Any]:
    """The part of the journal that the bench knows."""
    return {
        "events": [asdict(event) for event in bench.events],
        "faults": bench.faults,
        "loads": load_facts(bench.phases),
    }


def _facts(phase: Phase) -> dict[str, Any]:
    load = phase.load
    return {name: getattr(load, name) for name in FACTS} | {
        "warm_up_s": phase.warm_up_s,
        "orders": [asdict(order) for order in load.orders],
        "counted": phase.counted.to_json(),
        "checks": [asdict(check) for check in load.checks()],
    }


def _write_histograms(folder: RunFolder, phases: Mapping[str, Phase]) -> None:
    """The standard HdrHistogram log, one line per load, tagged with its phase: any HDR tool reads it."""
    with (folder.path / "latency.hdr").open("w") as file:
        writer = hdr.HistogramLogWriter(file)
        writer.output_comment("latency from the intended start, in microseconds, warm-up left out")
        writer.output_log_format_version()
        for name, phase in phases.items():
            histogram = phase.counted.latency.hdr
            histogram.set_tag(name)
            end = phase.load.started_at + phase.load.duration_s
            writer.output_interval_histogram(histogram, phase.load.started_at, end)
