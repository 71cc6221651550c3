"""timeout: a silent line. Nothing arrives, and after a while the connection closes.

A client sees silence until its own timeout; with a short `timeout` an end of stream in the middle of its request.
Hazards: what was sent meanwhile is gone, so removing the toxic cannot continue the stream and closes the connection.
Each chunk that is dropped starts the wait again: a talkative client is never disconnected.
"""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from compose.wire.flow import Ending, Flow
from compose.wire.toxics.effect import Effect


@dataclass(frozen=True)
class Timeout(Effect):
    """`timeout` ms of silence until the close; 0 holds the connection as long as the toxic is there."""

    closes_when_removed: ClassVar[bool] = True
    timeout: int = 0

    async def run(self, flow: Flow) -> None:
        try:
            while True:
                async with asyncio.timeout(self.timeout / 1000 if self.timeout > 0 else None):
                    await self.swallow(flow)
        except TimeoutError:
            await flow.end(Ending.CLOSE)

    async def swallow(self, flow: Flow) -> None:
        """Drop one chunk; an end of the stream is held back for good."""
        if isinstance(await flow.inlet.head(), Ending):
            await asyncio.Event().wait()
        flow.drop()
