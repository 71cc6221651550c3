"""latency: every chunk arrives later. A client sees slow answers and, beyond its patience, its own timeouts.

Hazards: opening a connection is not delayed, because the wire itself accepts it. A request and its answer that both
pass a latency wait twice. What waits is bounded (4 MB or 1,024 chunks): a fast sender is throttled beyond that.
"""

import random
from dataclasses import dataclass

from compose.wire.flow import Flow
from compose.wire.toxics.effect import Effect


@dataclass(frozen=True)
class Latency(Effect):
    """`latency` ms, uniformly give or take `jitter` ms, never below 0."""

    latency: int = 0
    jitter: int = 0

    async def run(self, flow: Flow) -> None:
        # Counted from the chunk's arrival, so chunks wait side by side: fifty lines take as long as one. Order is kept:
        # with jitter a chunk may wait for the one before it.
        async for chunk in flow:
            await flow.wait_until(chunk.at + self.delay_s())
            await flow.pass_on()
        await flow.end()

    def delay_s(self) -> float:
        """Of one chunk."""
        jitter = abs(self.jitter)
        return max(0.0, self.latency + random.uniform(-jitter, jitter)) / 1000
