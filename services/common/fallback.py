"""What is shown instead when an optional part does not answer: in one named place, and counted."""

from collections.abc import Callable
from typing import TypeVar

from services.common.errors import ShopError
from services.common.telemetry import DEGRADED

T = TypeVar("T")
F = TypeVar("F")


def or_else(what: str, question: Callable[[], T], instead: F) -> T | F:
    """The answer, or `instead` when there is none; `what` is counted in `shop_degraded_total` then."""
    try:
        return question()
    except ShopError:
        DEGRADED.labels(what).inc()
        return instead
