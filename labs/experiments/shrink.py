"""The fewest faults that still make an experiment fail: delta debugging (Zeller, Hildebrandt: Simplifying and isolating
failure-inducing input, IEEE TSE 28:183, 2002) over the strikes of its method.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import TypeVar

from labs.experiments.draw import Experiment, is_strike, strikes_of
from labs.experiments.run import Result
from labs.experiments.series import Run, as_new, flags_set
from labs.shop import Shop

T = TypeVar("T")


def shrink(
    shop: Shop, experiment: Experiment, tries: int, run: Run, tell: Callable[[int, Result], None]
) -> Experiment | None:
    """The same experiment with the fewest of its strikes that make it fail, each part tried up to `tries` times on a
    shop as new; None when all of them together do not. Raises KeyboardInterrupt; the shop is healed then.
    """
    flags = flags_set(shop)

    def fails(places: Sequence[int]) -> bool:
        return any(verdict(places, turn) == "fail" for turn in range(1, tries + 1))

    def verdict(places: Sequence[int], turn: int) -> str:
        as_new(shop, flags)
        result, _ = run(turn, only(experiment, places))
        if result.verdict == "interrupted":
            raise KeyboardInterrupt
        tell(turn, result)
        return result.verdict

    everything = range(len(strikes_of(experiment)))
    return only(experiment, smallest(everything, fails)) if fails(everything) else None


def smallest(parts: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """A part of `parts`, in their order, that fails while none of it can be left out. All of them must fail."""
    pieces = 2
    while len(parts) > 1:
        size = -(-len(parts) // pieces)
        chunks = [parts[at : at + size] for at in range(0, len(parts), size)]
        rests = [[part for other in chunks if other is not chunk for part in other] for chunk in chunks]
        tried = [*chunks, *(rests if len(chunks) > 2 else [])]
        failing = next((some for some in tried if fails(some)), None)
        if failing is not None:
            parts, pieces = failing, max(2, pieces - 1) if len(failing) > size else 2
        elif size == 1:
            return parts
        else:
            pieces = min(len(parts), 2 * pieces)
    return parts


def only(experiment: Experiment, kept: Sequence[int]) -> Experiment:
    """The same experiment with so many of its strikes, by their places among them. What follows one that is left out
    begins so much later, so that everything keeps its time.
    """
    smaller, place, waited = deepcopy(experiment), -1, 0.0
    smaller["method"] = []
    for activity in deepcopy(experiment["method"]):
        place += is_strike(activity)
        before = activity.get("pauses", {}).get("before", 0.0)
        if is_strike(activity) and place not in kept:
            waited += before
            continue
        if waited:
            activity["pauses"] = {**activity.get("pauses", {}), "before": round(before + waited, 2)}
            waited = 0.0
        smaller["method"].append(activity)
    return smaller
