"""bandwidth: the line is thin. A client sees answers that take as long as they are large.

Hazard: rate 0, also when it was forgotten, lets nothing through at all; the connection stays open.
"""

import asyncio
from dataclasses import dataclass

from compose.wire.flow import Flow, now
from compose.wire.toxics.effect import Effect

PIECE_S = 0.1
"""Large chunks are sent in pieces, one each tenth of a second."""


@dataclass(frozen=True)
class Bandwidth(Effect):
    """`rate` KB/s, where 1 KB is 1,000 bytes."""

    rate: int = 0

    def doubts(self) -> str:
        return "rate 0 lets nothing through" if self.rate <= 0 else ""

    async def run(self, flow: Flow) -> None:
        if self.rate <= 0:
            await asyncio.Event().wait()
        bytes_per_s = self.rate * 1000
        free_at = now()  # when the line has sent all it was given
        async for chunk in flow:
            size = min(len(chunk.data), int(bytes_per_s * PIECE_S))
            free_at = max(free_at, chunk.at) + size / bytes_per_s
            await flow.wait_until(free_at)
            await flow.pass_on(size)
        await flow.end()
