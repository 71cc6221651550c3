"""When requests are meant to start: written down before the first one is sent.

An open-loop generator never waits for an answer before it sends the next request, just as shoppers do not wait for each
other. "Send, wait, sleep" slows down together with the shop and hides the delay (coordinated omission).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp
from random import Random

MAX_ARRIVALS = 200_000
MAX_SECONDS = 3600.0
NAMES = ("constant", "poisson", "step", "spike", "sale")

PEAK = 5.0
"""How many times the usual rate comes when the doors open."""
AFTER = 2.0
"""How many times the usual rate comes just before the doors open, and stays when the rush is over."""
RAMP, DOORS, FADE = 0.2, 0.4, 0.1
"""As parts of the day: when the first begin to gather, T0, and how long the rush needs to fall to 1/e."""
SLICES = 200
STEPS = 5
RAMP_SLICES = 20


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Intended starts, in seconds after the beginning, ascending. `rate` is the mean, in requests per second."""

    name: str
    rate: float
    duration_s: float
    arrivals: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0 < self.duration_s <= MAX_SECONDS:
            raise ValueError(f"a load lasts between 0 and {MAX_SECONDS:.0f} seconds, not {self.duration_s}")
        if not self.arrivals:
            raise ValueError(f"no request falls into {self.duration_s} s at {self.rate} per second")
        if len(self.arrivals) > MAX_ARRIVALS:
            raise ValueError(f"{len(self.arrivals)} requests are more than the limit of {MAX_ARRIVALS}")


def constant(rate: float, duration_s: float) -> Schedule:
    """Evenly spaced, like a metronome."""
    return _schedule("constant", [(rate, duration_s)], None)


def poisson(rate: float, duration_s: float, seed: int) -> Schedule:
    """Independent shoppers: the gaps are exponential, so that requests come in bunches as they do in life."""
    return _schedule("poisson", [(rate, duration_s)], Random(seed))


def step(rate: float, duration_s: float, seed: int) -> Schedule:
    """A stair from a fifth of `rate` up to `rate`, each of five steps equally long: made for finding the knee."""
    pieces = [(rate * (number + 1) / STEPS, duration_s / STEPS) for number in range(STEPS)]
    return _schedule("step", pieces, Random(seed))


def spike(rate: float, duration_s: float, seed: int) -> Schedule:
    """`rate`, then `PEAK` times as much for the middle fifth, then `rate` again: the sale opens."""
    fifth = duration_s / 5
    return _schedule("spike", [(rate, 2 * fifth), (rate * PEAK, fifth), (rate, 2 * fifth)], Random(seed))


def ramp(rate: float, ramp_s: float, duration_s: float, seed: int) -> Schedule:
    """From nothing to `rate` in `ramp_s` seconds, in a straight line, then `rate` to the end."""
    slices = [(rate * (slice_ + 0.5) / RAMP_SLICES, ramp_s / RAMP_SLICES) for slice_ in range(RAMP_SLICES)]
    rest = [(rate, duration_s - ramp_s)]
    return _schedule("ramp", [(r, seconds) for r, seconds in slices + rest if seconds > 0], Random(seed))


def sale(rate: float, duration_s: float, seed: int) -> Schedule:
    """A sale's day in miniature, `rate` times `sale_curve`: quiet, people gathering, the doors, the long afternoon."""
    pieces = [(rate * sale_curve((slice_ + 0.5) / SLICES), duration_s / SLICES) for slice_ in range(SLICES)]
    return _schedule("sale", pieces, Random(seed))


def sale_curve(t: float) -> float:
    """How many times the usual rate arrives at `t`, a part of the day from 0 to 1 (twice, on the mean):

        quiet           t < RAMP     1
        gathering       t < DOORS    1 + (AFTER - 1) (t - RAMP) / (DOORS - RAMP)
        the doors open  after that   AFTER + (PEAK - AFTER) exp(-(t - DOORS) / FADE)

    The phases are those of a flash crowd (Ari, Hong, Miller, Brandt, Long: Managing flash crowds on the Internet,
    MASCOTS 2003); but a sale's hour is announced, so that the crowd jumps to its peak instead of growing to it.
    """
    if t < RAMP:
        return 1.0
    if t < DOORS:
        return 1.0 + (AFTER - 1.0) * (t - RAMP) / (DOORS - RAMP)
    return AFTER + (PEAK - AFTER) * exp(-(t - DOORS) / FADE)


def named(name: str, rate: float, duration_s: float, seed: int) -> Schedule:
    """The schedule of that name (one of `NAMES`); the same seed gives the same schedule."""
    match name:
        case "constant":
            return constant(rate, duration_s)
        case "poisson":
            return poisson(rate, duration_s, seed)
        case "step":
            return step(rate, duration_s, seed)
        case "spike":
            return spike(rate, duration_s, seed)
        case "sale":
            return sale(rate, duration_s, seed)
    raise ValueError(f"unknown arrival {name!r}: one of {', '.join(NAMES)}")


def _schedule(name: str, pieces: list[tuple[float, float]], random: Random | None) -> Schedule:
    if any(rate <= 0 or seconds <= 0 for rate, seconds in pieces):
        raise ValueError("rate and duration must be above zero")
    if sum(rate * seconds for rate, seconds in pieces) > MAX_ARRIVALS:
        raise ValueError(f"that is more than the limit of {MAX_ARRIVALS} requests")
    duration_s = sum(seconds for _, seconds in pieces)
    arrivals = tuple(_arrivals(pieces, random))
    return Schedule(name=name, rate=len(arrivals) / duration_s, duration_s=duration_s, arrivals=arrivals)


def _arrivals(pieces: list[tuple[float, float]], random: Random | None) -> Iterable[float]:
    """Walk the clock through the pieces; a Poisson process may be begun afresh at each border (it has no memory)."""
    begin = 0.0
    for rate, seconds in pieces:
        at = begin + (random.expovariate(rate) if random else 0.0)
        while at < begin + seconds - 1e-9:
            yield at
            at += random.expovariate(rate) if random else 1 / rate
        begin += seconds
