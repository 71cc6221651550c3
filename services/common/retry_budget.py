"""Trying again without making things worse: few retries, never in step.

Sources: the budget is a bucket of tokens that first attempts fill and retries empty, as in Finagle's `RetryBudget`; in
gRPC's retry throttling (proposal A6) successes fill it and failures empty it. Google's SRE book ("Handling Overload")
gives the 10 %. Full jitter is Marc Brooker's ("Exponential Backoff and Jitter", AWS, 2015).
"""

import random
import threading
from collections.abc import Callable

FIRST_S, LONGEST_S = 0.05, 0.3


class RetryBudget:
    """Every first attempt earns `ratio` of a retry, at most `reserve` are saved up: of n calls at most
    n * ratio + reserve are made again, so a storm of retries cannot feed itself.
    """

    def __init__(self, ratio: float = 0.1, reserve: float = 10.0) -> None:
        self._ratio, self._reserve, self._saved = ratio, reserve, reserve
        self._lock = threading.Lock()

    def earn(self) -> None:
        """A first attempt was made."""
        with self._lock:
            self._saved = min(self._reserve, self._saved + self._ratio)

    def spend(self) -> bool:
        """May one more retry be made?"""
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True


def pause_s(retry: int, jitter: bool, chance: Callable[[], float] = random.random) -> float:
    """How long to wait before a retry (the first is 0): anything between nothing and twice as much each time. Without
    jitter it is always the most: who failed together comes again together.
    """
    most_s = min(LONGEST_S, FIRST_S * (1 << retry))
    return most_s * chance() if jitter else most_s
