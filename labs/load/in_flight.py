"""The counting half of Little's law."""


class InFlight:
    """How many requests are under way, and the mean of that over time."""

    def __init__(self) -> None:
        self.reset(0.0)

    def reset(self, now: float) -> None:
        self.count, self._area, self._begin, self._last = 0, 0.0, now, now

    def change(self, by: int, now: float) -> None:
        self._area += self.count * (now - self._last)
        self._last = now
        self.count += by

    def mean(self, now: float) -> float:
        self.change(0, now)
        return self._area / max(now - self._begin, 1e-9)
