"""What every toxic's effect has in common."""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from compose.wire.flow import Flow


@dataclass(frozen=True)
class Effect:
    """What a toxic does to one direction of a connection. Its fields are its attributes: integers, 0 when not said.

    One effect serves all links of its proxy, so it remembers nothing; what a link has to remember is in its flow.
    """

    closes_when_removed: ClassVar[bool] = False

    @classmethod
    def type(cls) -> str:
        """The name in the API: `SlowClose` is `slow_close`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def attributes(cls) -> tuple[str, ...]:
        """The names of its attributes."""
        return tuple(field.name for field in fields(cls))

    def with_attributes(self, changed: dict[str, int]) -> Self:
        """The same effect with some attributes changed."""
        return type(self)(**{**asdict(self), **changed})

    def doubts(self) -> str:
        """Why these attributes can hardly be meant; empty when they can."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return asdict(self)

    async def run(self, flow: Flow) -> None:
        """Work until the stream has ended. May be interrupted at any `await` and started again."""
        raise NotImplementedError
