"""slicer: the stream arrives in crumbs. A client that takes one read for one message breaks.

Hazard: `delay` is in microseconds, everywhere else it is milliseconds.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass

from compose.wire.flow import Flow
from compose.wire.toxics.effect import Effect


@dataclass(frozen=True)
class Slicer(Effect):
    """Pieces of `average_size` bytes, give or take about `size_variation`, with `delay` µs after each."""

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def doubts(self) -> str:
        return "average_size 0 slices nothing" if self.average_size <= 0 else ""

    async def run(self, flow: Flow) -> None:
        async for chunk in flow:
            for size in self.sizes(len(chunk.data)):
                await flow.pass_on(size)
                await asyncio.sleep(self.delay / 1_000_000)
        await flow.end()

    def sizes(self, whole: int) -> Iterator[int]:
        """Halve, a little off the middle, until the pieces are small enough. They sum to `whole`, none is empty."""
        variation = max(0, self.size_variation)
        if self.average_size <= 0 or whole <= max(1, self.average_size + variation):
            yield whole
            return
        middle = whole // 2 + random.randint(-variation, variation)
        left = min(max(1, middle), whole - 1)
        yield from self.sizes(left)
        yield from self.sizes(whole - left)
