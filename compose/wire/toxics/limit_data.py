"""limit_data: the line breaks after so many bytes. A client sees a truncated answer.

Hazard: counted per connection and direction, from the moment the toxic comes to it, not from its last update.
"""

from dataclasses import dataclass

from compose.wire.flow import Ending, Flow
from compose.wire.toxics.effect import Effect


@dataclass(frozen=True)
class LimitData(Effect):
    """`bytes` pass, then the connection closes; 0 closes at the first byte."""

    bytes: int = 0

    async def run(self, flow: Flow) -> None:
        async for chunk in flow:
            left = max(0, self.bytes - flow.passed)
            if left > 0:
                await flow.pass_on(min(left, len(chunk.data)))
            if flow.passed >= self.bytes:
                return await flow.end(Ending.CLOSE)
        await flow.end()
