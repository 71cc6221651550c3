"""noop: nothing happens. For trying out a chain, and for the links that a toxicity below 1 has spared."""

from dataclasses import dataclass

from compose.wire.flow import Flow
from compose.wire.toxics.effect import Effect


@dataclass(frozen=True)
class Noop(Effect):
    """Every chunk passes at once."""

    async def run(self, flow: Flow) -> None:
        async for _ in flow:
            await flow.pass_on()
        await flow.end()
