"""reset_peer: the connection is torn down with TCP RST. A client sees "connection reset by peer".

Hazard: an idle connection is left alone; the reset comes `timeout` ms after the next bytes, which are lost.
"""

import asyncio
from dataclasses import dataclass

from compose.wire.flow import Ending, Flow
from compose.wire.toxics.effect import Effect


@dataclass(frozen=True)
class ResetPeer(Effect):
    """`timeout` ms between the first bytes and the reset."""

    timeout: int = 0

    async def run(self, flow: Flow) -> None:
        await flow.inlet.head()
        await asyncio.sleep(self.timeout / 1000)
        await flow.end(Ending.RESET)
