"""Open-loop load: written schedules, honest clocks, every outcome told apart."""

from labs.load.process import LoadFailed, RunningLoad, run_load, start_load
from labs.load.result import LoadResult
from labs.load.schedule import Schedule, constant, named, poisson, ramp, sale, spike, step

__all__ = [
    "LoadFailed",
    "LoadResult",
    "RunningLoad",
    "Schedule",
    "constant",
    "named",
    "poisson",
    "ramp",
    "run_load",
    "sale",
    "spike",
    "start_load",
    "step",
]
