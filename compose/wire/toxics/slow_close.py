"""slow_close: the end of the stream arrives late. A client waits for an answer that is already complete."""

import asyncio
from dataclasses import dataclass

from compose.wire.flow import Flow
from compose.wire.toxics.effect import Effect


@dataclass(frozen=True)
class SlowClose(Effect):
    """`delay` ms between the end of the stream and its arrival; bytes pass at once."""

    delay: int = 0

    async def run(self, flow: Flow) -> None:
        async for _ in flow:
            await flow.pass_on()
        await asyncio.sleep(self.delay / 1000)
        await flow.end()
